#!lua
-- Purpose: sets the units on hand of a level to what was counted there, less what stands aside there for
--          campaigns: who counts a location counts that too. A count that finds what is known is a movement
--          too, of no units: that somebody looked is worth a record.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), limited (hash, r), records:limit (hash, r),
--          operation:<key> (string, rw), low (zset, rw), waited (zset, rw), journal (stream, w),
--          batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: product, location (empty:
--          home), units counted (0 … 10^12), operation key, payload, context.
-- Returns  a status line and a line for each item: counted <product>, below_reserved <onHand> <reserved>,
--          above_limit <limit> <onHand>, unknown, replayed <reply>, key_reused. Or stale, superseded, full.
-- Cost     O(items), a read and a write of each operation key.
-- Retry    safe: a repeat without batch name or operation key counts the same once more.
-- @include lib/products.lua

local ITEM = "^([%w_.-]+)\t([%w _.-]*)\t(%d+)\t(%x*)\t(%x*)\t()"

local items = {}
for i = 2, #ARGV do
    local product, location, units, key, payload, at = match(ARGV[i], ITEM)
    local item = {
        product = product,
        location = location,
        units = tonumber(units),
        key = key,
        payload = payload,
        context = read_context(ARGV[i], at),
    }
    if item.units > STOCK_MAX then
        error("an item of count cannot be read")
    end
    items[i - 1] = item
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

-- Units of the ring-fences at a location.
local function units_aside(product, location)
    local units, begins = 0, location .. FENCE_SIGN
    for name, level in pairs(product.levels) do
        if sub(name, 1, #begins) == begins then
            units = units + level.on_hand
        end
    end
    return units
end

local function count(item)
    local earlier = earlier_reply(item.key, item.payload)
    if earlier then
        return earlier
    end
    local product = load_whole(item.product)
    if not product then
        return "unknown"
    end
    local location = item.location ~= "" and item.location or product.attributes.home
    local level = level_of(product, location)
    local units = item.units - units_aside(product, location)
    if units < level.reserved then
        return string.format("below_reserved\t%d\t%d", level.on_hand, level.reserved)
    end
    local delta = units - level.on_hand
    local above = above_limit(product, location, delta)
    if above then
        return above
    end
    make_level(product, location)
    move("COUNT", product, location, delta, 0, "", item.context)
    return remember_reply(item.key, item.payload, "counted\t" .. encode_product(product))
end

return answer_products(items, count)
