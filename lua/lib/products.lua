-- Whole products, for the verbs that answer or journal all of a product's fields, and the
-- Idempotency-Keys of verbs that have no record of their own.
-- @include lib/commit.lua

local OPERATION_KEEP_SECONDS = 86400

local operations = {} -- key → { payload, reply }, or false
local new_operations = {}
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

-- All fields of a product's hash as one JSON object, as they will stand after the batch.
-- A field whose value is "" is one that nobody named.
local function encode_product(product)
    for name, value in pairs(product.fields) do
        product.attributes[name] = value
    end
    if product.changed then
        product.attributes.seq = string.format("%d", product.seq)
        product.attributes.updatedAt = string.format("%d", now)
    end
    for _, location in ipairs(product.locations) do
        local level = product.levels[location]
        product.attributes["onHand:" .. location] = string.format("%d", level.on_hand)
        product.attributes["reserved:" .. location] = string.format("%d", level.reserved)
    end
    return cjson.encode(product.attributes)
end

-- What an earlier call under the same key answered: nil, the reply as a replay, or "key_reused".
-- Keys are "" when the caller gave none.
local function earlier_reply(key, payload)
    if key == "" then
        return nil
    end
    if operations[key] == nil then
        local kept = redis.call("GET", operation_key(key))
        operations[key] = false
        if kept then
            local kept_payload, reply = string.match(kept, "^(%x+)\t(.*)$")
            operations[key] = { payload = kept_payload, reply = reply }
        end
    end
    local earlier = operations[key]
    if not earlier then
        return nil
    end
    return earlier.payload == payload and "replayed\t" .. earlier.reply or "key_reused"
end

local function remember_reply(key, payload, reply)
    if key ~= "" then
        operations[key] = { payload = payload, reply = reply }
        new_operations[#new_operations + 1] = key
    end
    return reply
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

local function close_products(replies)
    local lines = {}
    for i, product in ipairs(amended) do
        lines[i] = encode_product(product)
    end
    local function write()
        for _, key in ipairs(new_operations) do
            local operation = operations[key]
            local text = operation.payload .. "\t" .. operation.reply
            redis.call("SET", operation_key(key), text, "EX", OPERATION_KEEP_SECONDS)
        end
    end
    return close_batch(replies, { check = function() end, write = write, products = lines })
end
