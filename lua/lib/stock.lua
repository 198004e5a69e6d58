-- Products as an overlay: read once a batch, changed in memory, written at the end. A later item
-- of a batch sees what an earlier one did.
-- @include lib/rules.lua
-- @include lib/limits.lua

local STOCK_MAX = 1000000000000 -- twin: STOCK_MAX in src/inventory/model.ts
local LOCATIONS_MAX = 64 -- of one product; twin: LOCATIONS_MAX in src/inventory/model.ts
local QUANTITY_MAX = 1000000000 -- twin: QUANTITY_MAX in src/inventory/model.ts

-- Between a location and the campaign that has units of it for itself: `<location>~<campaign>` is a level of
-- its own, which counts as an inactive location does for all but that campaign. Twin: src/inventory/model.ts
local FENCE_SIGN = "~"

local products = {} -- id → product, or false when there is none
local changed_products = {}

-- Over all locations, active or not: the low set is kept by it, for it does not change when the
-- registry does.
local function unreserved(product)
    return product.on_hand - product.reserved - product.safety
end

local function available(product)
    return unreserved(product) - product.idle
end

-- What is available in a word. A batch that leaves a product with another word than it found is a
-- crossing: the journal has a line for it.
local function grade_of(product)
    local free = available(product)
    if free <= 0 then
        return "out"
    end
    return free <= product.threshold and "low" or "back_in_stock"
end

-- What a product has over all locations, and its home, for who asks by product and not by hold.
local function encode_stock(product)
    local free = math.max(0, available(product))
    local counts = { decimal[product.on_hand], decimal[product.reserved], decimal[free] }
    return table.concat(counts, "=") .. "=" .. product.locations[1]
end

local function new_product(id, locations, safety, threshold)
    return {
        id = id,
        locations = locations,
        levels = {},
        on_hand = 0,
        reserved = 0,
        idle = 0, -- unreserved units at inactive locations, and in ring-fences
        safety = safety,
        threshold = threshold,
        fields = {}, -- fields of the hash to write beside its levels
    }
end

local function add_level(product, location, on_hand, reserved)
    local level = { on_hand = on_hand, reserved = reserved, changed = false }
    product.levels[location] = level
    if product.has_fences and find(location, FENCE_SIGN, 1, true) then
        level.is_idle, level.priority = true, PRIORITY_DEFAULT
        product.idle = product.idle + on_hand - reserved
    elseif rules ~= "" then
        level.is_idle, level.priority = rule_of(location)
        product.idle = product.idle + (level.is_idle and on_hand - reserved or 0)
    end
    product.on_hand = product.on_hand + on_hand
    product.reserved = product.reserved + reserved
end

local function load_product(id)
    if products[id] ~= nil then
        return products[id]
    end
    local key = stock_key(id)
    local names = { "locations", "safetyStock", "lowStockThreshold", "maxPerCustomer", "waiting" }
    local head = redis.call("HMGET", key, unpack(names))
    if not head[1] then
        products[id] = false
        return false
    end
    local locations = { head[1] } -- most products are at one
    names = { "onHand:" .. head[1], "reserved:" .. head[1] }
    if find(head[1], ",", 1, true) then
        locations, names = {}, {}
        for location in string.gmatch(head[1], "[^,]+") do
            locations[#locations + 1] = location
            names[#names + 1] = "onHand:" .. location
            names[#names + 1] = "reserved:" .. location
        end
    end
    local counts = redis.call("HMGET", key, unpack(names))
    local product = new_product(id, locations, tonumber(head[2]), tonumber(head[3]))
    product.has_fences = #locations > 1 and find(head[1], FENCE_SIGN, 1, true)
    for i = 1, #locations do
        add_level(product, locations[i], tonumber(counts[2 * i - 1]), tonumber(counts[2 * i]))
    end
    product.unreserved_before = unreserved(product)
    product.was_low = product.unreserved_before <= product.threshold
    product.grade = grade_of(product)
    product.grade_before = product.grade
    products[id] = product
    if limit_ids or product.has_fences or (head[4] and head[4] ~= "") then
        set_limits(product, head[4])
    end
    if head[5] then
        product.waiting = tonumber(head[5])
    end
    return product
end

-- The one way stock changes: deltas of a level, and the movement that says so. The last fence of
-- the script: a wrong count ends it before anything was written.
local function move(kind, product, location, on_hand, reserved, hold, context)
    local level = product.levels[location]
    local on_hand_after, reserved_after = level.on_hand + on_hand, level.reserved + reserved
    if reserved_after < 0 or on_hand_after < reserved_after or on_hand_after > STOCK_MAX then
        error("a movement would break the stock of product " .. product.id)
    end
    seq = seq + 1
    movements[#movements + 1] = decimal[seq]
        .. "\t"
        .. kind
        .. "\t"
        .. product.id
        .. "\t"
        .. location
        .. "\t"
        .. decimal[level.on_hand]
        .. "\t"
        .. decimal[on_hand_after]
        .. "\t"
        .. decimal[level.reserved]
        .. "\t"
        .. decimal[reserved_after]
        .. "\t"
        .. hold
        .. "\t"
        .. context
    level.on_hand, level.reserved, level.changed = on_hand_after, reserved_after, true
    product.on_hand = product.on_hand + on_hand
    product.reserved = product.reserved + reserved
    if level.is_idle then
        product.idle = product.idle + on_hand - reserved
    end
    product.seq = seq
    if not product.changed then
        product.changed = true
        changed_products[#changed_products + 1] = product
    end
    local grade = grade_of(product)
    if grade ~= product.grade then
        product.grade, product.graded_at = grade, seq
    end
end
