#!lua
-- Purpose: changes the units on hand of a level by a signed delta. A COUNT of some earlier instant is
--          such a delta too: what was found then, less what was known; it may be none.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), limited (hash, r), records:limit (hash, r),
--          operation:<key> (string, rw), low (zset, rw), waited (zset, rw), journal (stream, w),
--          batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: product, location (empty:
--          home), delta (±1 … 10^9; of COUNT 0 … ±10^12), movement type, expected units on hand (empty: any),
--          expected seq (empty: any), operation key, payload, context.
-- Returns  a status line and a line for each item: adjusted <product>, expected_mismatch <product>,
--          below_reserved <onHand> <reserved>, above_limit <limit> <onHand>, unknown, replayed <reply>,
--          key_reused. Or stale, superseded, full.
-- Cost     O(items), a read and a write of each operation key.
-- Retry    safe under the same batch name or operation key; else a repeat is a new operation.
-- @include lib/products.lua

local ITEM = "^([%w_.-]+)\t([%w _.-]*)\t(%-?%d+)\t(%u+)\t(%d*)\t(%d*)\t(%x*)\t(%x*)\t()"

-- Types that stand in the journal for a change of stock; its reader knows no others.
local KINDS = { RESTOCK = true, RETURN = true, SALE = true, ADJUSTMENT = true, COUNT = true }

local items = {}
for i = 2, #ARGV do
    local product, location, delta, kind, expected, expected_seq, key, payload, at =
        match(ARGV[i], ITEM)
    local item = {
        product = product,
        location = location,
        delta = tonumber(delta),
        kind = kind,
        expected = expected,
        expected_seq = expected_seq,
        key = key,
        payload = payload,
        context = read_context(ARGV[i], at),
    }
    local units = math.abs(item.delta)
    local least, most = 1, QUANTITY_MAX
    if kind == "COUNT" then
        least, most = 0, STOCK_MAX
    end
    if units < least or units > most or not KINDS[kind] then
        error("an item of adjust cannot be read")
    end
    items[i - 1] = item
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

local function adjust(item)
    local earlier = earlier_reply(item.key, item.payload)
    if earlier then
        return earlier
    end
    local product = load_whole(item.product)
    if not product then
        return "unknown"
    end
    local is_other = item.expected ~= "" and tonumber(item.expected) ~= product.on_hand
    if is_other or not has_version(product, item.expected_seq) then
        return "expected_mismatch\t" .. encode_product(product)
    end
    local location = item.location ~= "" and item.location or product.attributes.home
    local level = level_of(product, location)
    if level.on_hand + item.delta < level.reserved then
        return string.format("below_reserved\t%d\t%d", level.on_hand, level.reserved)
    end
    local above = above_limit(product, location, item.delta)
    if above then
        return above
    end
    make_level(product, location)
    if item.kind == "RESTOCK" then
        product.fields.lastRestocked = decimal[now]
    end
    move(item.kind, product, location, item.delta, 0, "", item.context)
    return remember_reply(item.key, item.payload, "adjusted\t" .. encode_product(product))
end

return answer_products(items, adjust)
