#!lua
-- Purpose: sells units without a hold: they leave what is available, for good. Never a unit that is
--          held, never one of the safety stock.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), operation:<key> (string, rw),
--          limit:<rule>:<window> (hash, rw), limited (hash, r), records:limit (hash, r), low (zset, rw),
--          waited (zset, rw), journal (stream, w), batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: product, location (empty:
--          any, home first), quantity (1 … 10^9), expected units on hand (empty: any), customer (JSON
--          string; empty: nobody's), operation key, payload, context.
-- Returns  a status line and a line for each item: sold <location=quantity,…> <product>,
--          insufficient|above_quota <short line: lib/measure.lua>, expected_mismatch <product>, unknown,
--          replayed <reply>, key_reused,
--          due (units may be due for release: run expire, then ask again).
--          Or stale, superseded, full.
-- Cost     O(items), a movement for each location that a sale touches, a read and a write of each
--          operation key.
-- Retry    safe under the same batch name or operation key; else a repeat is a new sale.
-- @include lib/allocate.lua
-- @include lib/products.lua

local ITEM = "^([%w_.-]+)\t([%w _.-]*)\t(%d+)\t(%d*)\t([^\t\n]*)\t(%x*)\t(%x*)\t()"

local items = {}
for i = 2, #ARGV do
    local product, location, quantity, expected, customer, key, payload, at = match(ARGV[i], ITEM)
    local item = {
        product = product,
        location = location,
        quantity = tonumber(quantity),
        expected = expected,
        whom = customer,
        key = key,
        payload = payload,
        context = read_context(ARGV[i], at),
    }
    if item.quantity < 1 or item.quantity > QUANTITY_MAX then
        error("an item of sell cannot be read")
    end
    items[i - 1] = item
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

local function sell(item)
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
    local short, _, above = measure({ item }, item, nil, nil, true)
    if short and swept < math.floor(now / 1000) then
        return "due"
    elseif short then
        return above and "above_quota\t" .. above or "insufficient\t" .. short
    end
    local places = {}
    take(item, function(_, location, taken)
        move("SALE", product, location, -taken, 0, "", item.context)
        places[#places + 1] = string.format("%s=%d", location, taken)
        if product.rules then
            limits.count(product, location, item, now, -taken, 0)
        end
    end)
    local reply = "sold\t" .. table.concat(places, ",") .. "\t" .. encode_product(product)
    return remember_reply(item.key, item.payload, reply)
end

return answer_products(items, sell)
