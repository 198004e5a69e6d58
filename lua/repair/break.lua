#!lua
-- Purpose: writes down what a level changed without a record, once traffic has passed over it: the stock
--          stays as it is, and its movements add up again. Two movements, DRIFT by the units of the break,
--          and RECONCILE, which names the break and begins where the level would be without it.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), limited (hash, r), records:limit (hash, r),
--          operation:<key> (string, rw), low (zset, rw), waited (zset, rw), journal (stream, w),
--          batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: product, location, what
--          changed without a record on hand and reserved (0 … ±10^12), operation key, payload, context.
-- Returns  a status line and a line for each item: repaired, above_limit, unknown, replayed <reply>,
--          key_reused. Or stale, superseded, full.
-- Cost     O(items × levels of their products).
-- Retry    safe under the same batch name or operation key: a break is named by its key.
-- @include lib/operations.lua

local ITEM = "^([%w_.-]+)\t([%w _.~-]+)\t(%-?%d+)\t(%-?%d+)\t(%x+)\t(%x+)\t([^\t\n]+)$"

local items = {}
for i = 2, #ARGV do
    local item = { string.match(ARGV[i], ITEM) }
    local most = math.max(math.abs(tonumber(item[3]) or 0), math.abs(tonumber(item[4]) or 0))
    if not item[1] or most > STOCK_MAX then
        error("an item of a break's repair cannot be read")
    end
    items[i - 1] = item
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

local function repair(item)
    local id, location, on_hand, reserved = item[1], item[2], tonumber(item[3]), tonumber(item[4])
    local key, payload, context = item[5], item[6], item[7]
    local earlier = earlier_reply(key, payload)
    if earlier then
        return earlier
    end
    local product = load_product(id)
    local level = product and product.levels[location]
    if not level then
        return "unknown"
    end
    -- Between the two it stands where no count is below none, and none is held that is not there.
    local by_on_hand = math.max(on_hand, 0) + math.abs(reserved)
    local by_reserved = math.max(reserved, 0)
    if
        level.on_hand + by_on_hand > STOCK_MAX
        or level.on_hand + by_on_hand - on_hand > STOCK_MAX
    then
        return "above_limit"
    end
    move("DRIFT", product, location, by_on_hand, by_reserved, "", context)
    level.on_hand, level.reserved = level.on_hand - on_hand, level.reserved - reserved
    product.on_hand, product.reserved = product.on_hand - on_hand, product.reserved - reserved
    if level.is_idle then
        product.idle = product.idle - on_hand + reserved
    end
    move("RECONCILE", product, location, on_hand - by_on_hand, reserved - by_reserved, "", context)
    return remember_reply(key, payload, "repaired")
end

local replies = {}
for i, item in ipairs(items) do
    replies[i] = repair(item)
end
local function nothing() end
return close_batch(replies, { check = nothing, write = write_operations })
