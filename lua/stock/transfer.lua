#!lua
-- Purpose: moves units on hand from one location of a product to another.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), limited (hash, r), records:limit (hash, r),
--          operation:<key> (string, rw), low (zset, rw), waited (zset, rw), journal (stream, w),
--          batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: product, location to take
--          from, another location to bring to, units (1 … 10^9), expected units on hand over all
--          locations (empty: any), operation key, payload, context.
-- Returns  a status line and a line for each item: transferred <product>, expected_mismatch <product>,
--          below_reserved <onHand> <reserved>, above_limit <limit> <onHand>, unknown, replayed <reply>,
--          key_reused. Or stale, superseded, full.
-- Cost     O(items), a read and a write of each operation key.
-- Retry    safe under the same batch name or operation key; else a repeat is a new operation.
-- @include lib/products.lua

local ITEM = "^([%w_.-]+)\t([%w _.-]+)\t([%w _.-]+)\t(%d+)\t(%d*)\t(%x*)\t(%x*)\t()"

local items = {}
for i = 2, #ARGV do
    local product, from, to, units, expected, key, payload, at = match(ARGV[i], ITEM)
    local item = {
        product = product,
        from = from,
        to = to,
        units = tonumber(units),
        expected = expected,
        key = key,
        payload = payload,
        context = read_context(ARGV[i], at),
    }
    if item.units < 1 or item.units > QUANTITY_MAX or item.from == item.to then
        error("an item of transfer cannot be read")
    end
    items[i - 1] = item
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

local function transfer(item)
    local earlier = earlier_reply(item.key, item.payload)
    if earlier then
        return earlier
    end
    local product = load_whole(item.product)
    if not product then
        return "unknown"
    end
    if item.expected ~= "" and tonumber(item.expected) ~= product.on_hand then
        return "expected_mismatch\t" .. encode_product(product)
    end
    local level = level_of(product, item.from)
    if level.on_hand - item.units < level.reserved then
        return string.format("below_reserved\t%d\t%d", level.on_hand, level.reserved)
    end
    local above = above_limit(product, item.to, item.units)
    if above then
        return above
    end
    make_level(product, item.to)
    move("TRANSFER", product, item.from, -item.units, 0, "", item.context)
    move("TRANSFER", product, item.to, item.units, 0, "", item.context)
    return remember_reply(item.key, item.payload, "transferred\t" .. encode_product(product))
end

return answer_products(items, transfer)
