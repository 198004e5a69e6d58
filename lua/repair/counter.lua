#!lua
-- Purpose: sets a level back to what the ledger says of it, in two movements: DRIFT from there to what
--          was found, and RECONCILE back. Counts that no movement could have are told by the context
--          alone: both movements are of no units then.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), limited (hash, r), records:limit (hash, r),
--          low (zset, rw), waited (zset, rw), journal (stream, w), batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: product, location, seq that
--          the product must still have, the ledger's units on hand and reserved, context.
-- Returns  a status line and a line for each item: repaired, current (it is what the ledger says),
--          moved (the product changed since it was looked at), unknown. Or stale, superseded, full.
-- Cost     O(items × levels of their products).
-- Retry    safe: what was repaired is current.
-- @include lib/operations.lua

local ITEM = "^([%w_.-]+)\t([%w _.~-]+)\t(%d+)\t(%d+)\t(%d+)\t([^\t\n]+)$"

local items = {}
for i = 2, #ARGV do
    local item = { string.match(ARGV[i], ITEM) }
    local on_hand, reserved = tonumber(item[4]), tonumber(item[5])
    if not item[1] or reserved > on_hand or on_hand > STOCK_MAX then
        error("an item of a counter's repair cannot be read")
    end
    items[i - 1] = item
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

local function count_of(text)
    return text and string.match(text, "^%d+$") and tonumber(text)
end

-- The product as it stands, damaged or not: what is no count is none.
local function load_damaged(id)
    if products[id] ~= nil then
        return products[id]
    end
    local flat = redis.call("HGETALL", stock_key(id))
    local fields, names = {}, {}
    for i = 1, #flat, 2 do
        fields[flat[i]] = flat[i + 1]
    end
    if #flat == 0 then
        products[id] = false
        return false
    end
    for location in string.gmatch(fields.locations or "", "[^,]+") do
        names[#names + 1] = location
    end
    local safety, threshold = count_of(fields.safetyStock), count_of(fields.lowStockThreshold)
    local product = new_product(id, names, safety or 0, threshold or 0)
    product.found = fields
    -- Its place in the low set is set right with it.
    product.was_low = true
    for _, location in ipairs(names) do
        local on_hand = count_of(fields["onHand:" .. location]) or 0
        add_level(product, location, on_hand, count_of(fields["reserved:" .. location]) or 0)
    end
    products[id] = product
    return product
end

local function set_quietly(product, level, on_hand, reserved)
    product.on_hand = product.on_hand + on_hand - level.on_hand
    product.reserved = product.reserved + reserved - level.reserved
    level.on_hand, level.reserved = on_hand, reserved
end

local function repair(item)
    local id, location, expected_seq, context = item[1], item[2], item[3], item[6]
    local on_hand, reserved = tonumber(item[4]), tonumber(item[5])
    local product = load_damaged(id)
    if not product then
        return "unknown"
    elseif product.found.seq ~= expected_seq then
        return "moved"
    end
    local level = product.levels[location]
    local found_on_hand = count_of(product.found["onHand:" .. location])
    local found_reserved = count_of(product.found["reserved:" .. location])
    if level and found_on_hand == on_hand and found_reserved == reserved then
        return "current"
    elseif not level then
        product.locations[#product.locations + 1] = location
        product.fields.locations = table.concat(product.locations, ",")
        add_level(product, location, 0, 0)
        level = product.levels[location]
    end
    set_quietly(product, level, on_hand, reserved)
    local by_on_hand, by_reserved = 0, 0
    local is_count = found_on_hand and found_reserved and found_reserved <= found_on_hand
    if is_count and found_on_hand <= STOCK_MAX then
        by_on_hand, by_reserved = found_on_hand - on_hand, found_reserved - reserved
    end
    move("DRIFT", product, location, by_on_hand, by_reserved, "", context)
    move("RECONCILE", product, location, -by_on_hand, -by_reserved, "", context)
    return "repaired"
end

local replies = {}
for i, item in ipairs(items) do
    replies[i] = repair(item)
end
local function nothing() end
return close_batch(replies, { check = nothing, write = nothing })
