-- Products as an overlay: read once a batch, changed in memory, written at the end. A later item
-- of a batch sees what an earlier one did.
-- @include lib/batch.lua

local STOCK_MAX = 1000000000000 -- twin: STOCK_MAX in src/inventory/model.ts

local products = {} -- id → product, or false when there is none
local changed_products = {}

local function available(product)
    return product.on_hand - product.reserved - product.safety
end

local function new_product(id, locations, safety, threshold)
    return {
        id = id,
        locations = locations,
        levels = {},
        on_hand = 0,
        reserved = 0,
        safety = safety,
        threshold = threshold,
        fields = {}, -- fields of the hash to write beside its levels
    }
end

local function add_level(product, location, on_hand, reserved)
    product.levels[location] = { on_hand = on_hand, reserved = reserved }
    product.on_hand = product.on_hand + on_hand
    product.reserved = product.reserved + reserved
end

local function load_product(id)
    if products[id] ~= nil then
        return products[id]
    end
    local key = stock_key(id)
    local head = redis.call("HMGET", key, "locations", "safetyStock", "lowStockThreshold")
    if not head[1] then
        products[id] = false
        return false
    end
    local locations, names = {}, {}
    for location in string.gmatch(head[1], "[^,]+") do
        locations[#locations + 1] = location
        names[#names + 1] = "onHand:" .. location
        names[#names + 1] = "reserved:" .. location
    end
    local counts = redis.call("HMGET", key, unpack(names))
    local product = new_product(id, locations, tonumber(head[2]), tonumber(head[3]))
    for i, location in ipairs(locations) do
        add_level(product, location, tonumber(counts[2 * i - 1]), tonumber(counts[2 * i]))
    end
    product.available_before = available(product)
    product.was_low = product.available_before <= product.threshold
    products[id] = product
    return product
end

local function change_product(product)
    if not product.changed then
        product.changed = true
        changed_products[#changed_products + 1] = product
    end
    product.seq = seq
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
    movements[#movements + 1] = string.format(
        "%.0f\t%s\t%s\t%s\t%.0f\t%.0f\t%.0f\t%.0f\t%s\t%s",
        seq,
        kind,
        product.id,
        location,
        level.on_hand,
        on_hand_after,
        level.reserved,
        reserved_after,
        hold,
        context
    )
    level.on_hand, level.reserved, level.changed = on_hand_after, reserved_after, true
    product.on_hand = product.on_hand + on_hand
    product.reserved = product.reserved + reserved
    change_product(product)
end

-- What changes in the low set: products at or below their threshold, scored by available.
local function low_changes()
    local add, remove = {}, {}
    for _, product in ipairs(changed_products) do
        local units = available(product)
        local is_low = units <= product.threshold
        if is_low and (not product.was_low or units ~= product.available_before) then
            add[#add + 1] = string.format("%.0f", units)
            add[#add + 1] = product.id
        elseif product.was_low and not is_low then
            remove[#remove + 1] = product.id
        end
    end
    return add, remove
end

local function fields_to_write(product)
    local fields =
        { "seq", string.format("%.0f", product.seq), "updatedAt", string.format("%.0f", now) }
    for _, location in ipairs(product.locations) do
        local level = product.levels[location]
        if level.changed then
            fields[#fields + 1] = "onHand:" .. location
            fields[#fields + 1] = string.format("%.0f", level.on_hand)
            fields[#fields + 1] = "reserved:" .. location
            fields[#fields + 1] = string.format("%.0f", level.reserved)
        end
    end
    for name, value in pairs(product.fields) do
        fields[#fields + 1] = name
        fields[#fields + 1] = value
    end
    return fields
end

-- Ends a batch. `part` is what the verb adds: check() reads the type of each key it will write,
-- write() writes them, holds and products are lines of the journal entry. A batch that changed
-- nothing writes nothing, so a refusal costs no fsync.
local function close_batch(replies, part)
    local answer = answer_of(replies)
    if seq == first_seq then
        if header.keep == "1" then
            keep_answer(answer)
        end
        return answer
    end
    local low_add, low_remove = low_changes()
    if #low_add + #low_remove > 0 then
        redis.call("ZCARD", low_key)
    end
    part.check()
    append_journal(part.holds or {}, part.products or {})
    for _, product in ipairs(changed_products) do
        redis.call("HSET", stock_key(product.id), unpack(fields_to_write(product)))
    end
    if #low_add > 0 then
        redis.call("ZADD", low_key, unpack(low_add))
    end
    if #low_remove > 0 then
        redis.call("ZREM", low_key, unpack(low_remove))
    end
    part.write()
    write_meta()
    keep_answer(answer)
    return answer
end
