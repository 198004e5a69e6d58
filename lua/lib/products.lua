-- Whole products, for the verbs that answer or journal all of a product's fields.
-- @include lib/operations.lua

local amended = {} -- products whose attributes changed, each once: the journal carries them whole

local function load_whole(id)
    local product = load_product(id)
    if product and not product.attributes then
        product.attributes = {}
        local flat = redis.call("HGETALL", stock_key(id))
        for i = 1, #flat, 2 do
            product.attributes[flat[i]] = flat[i + 1]
        end
    end
    return product
end

-- What the registry says of the product's own locations, as the rules of all have it.
local function rules_of(product)
    local own = {}
    for _, location in ipairs(product.locations) do
        local level = product.levels[location]
        if level.is_idle or level.priority ~= PRIORITY_DEFAULT then
            local active = level.is_idle and 0 or 1
            own[#own + 1] = string.format("\n%s=%d=%d", location, active, level.priority)
        end
    end
    return table.concat(own)
end

-- Whether a whole product stands at that seq, given as text; empty: any.
local function has_version(product, expected)
    return expected == "" or tonumber(expected) == (product.seq or tonumber(product.attributes.seq))
end

-- All fields of a product's hash as one JSON object, as they will stand after the batch.
-- A field whose value is "" is one that nobody named. `rules` is no field of the hash.
local function encode_product(product)
    for name, value in pairs(product.fields) do
        product.attributes[name] = value
    end
    if product.changed then
        product.attributes.seq = decimal[product.seq]
        product.attributes.updatedAt = decimal[now]
    end
    for _, location in ipairs(product.locations) do
        local level = product.levels[location]
        product.attributes["onHand:" .. location] = decimal[level.on_hand]
        product.attributes["reserved:" .. location] = decimal[level.reserved]
    end
    if rules ~= "" then
        product.attributes.rules = rules_of(product)
    end
    return cjson.encode(product.attributes)
end

local function amend_fields(product, fields)
    for name, value in pairs(fields) do
        product.fields[name] = value
    end
    if not product.amended then
        product.amended = true
        amended[#amended + 1] = product
    end
end

-- The level of that location; one that is not there counts as empty.
local function level_of(product, location)
    return product.levels[location] or { on_hand = 0, reserved = 0 }
end

-- The refusal when a location, be it a new one, does not take so many units more: which limit is in
-- the way, and what is there. nil: it takes them. Twin: limitOf in src/inventory/level-limit.ts.
local function above_limit(product, location, units)
    local on_hand = level_of(product, location).on_hand
    if not product.levels[location] and #product.locations >= LOCATIONS_MAX then
        return string.format("above_limit\tlocations\t%d", on_hand)
    elseif on_hand + units > STOCK_MAX then
        return string.format("above_limit\tstock\t%d", on_hand)
    end
    return nil
end

local function make_level(product, location)
    if not product.levels[location] then
        product.locations[#product.locations + 1] = location
        add_level(product, location, 0, 0)
        amend_fields(product, { locations = table.concat(product.locations, ",") })
    end
end

-- Runs the verb for each item in order, and ends the batch. write_more() writes what the verb has
-- beside products, and whose type it has read.
local function answer_products(items, verb, write_more)
    local replies = {}
    for i, item in ipairs(items) do
        replies[i] = verb(item)
    end
    local lines = {}
    for i, product in ipairs(amended) do
        lines[i] = encode_product(product)
    end
    local function check() end
    local function write()
        write_operations()
        if write_more then
            write_more()
        end
    end
    return close_batch(replies, { check = check, write = write, products = lines })
end
