#!lua
-- Purpose: sets what a level has reserved to what its live holds add up to: one movement RECONCILE by the
--          units that no hold has, or that the level lacks for its holds.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), limited (hash, r), records:limit (hash, r),
--          operation:<key> (string, rw), low (zset, rw), waited (zset, rw), journal (stream, w),
--          batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: product, location, units by which
--          reserved changes (±10^12), operation key, payload, context.
-- Returns  a status line and a line for each item: repaired, unfit (more would be reserved than there
--          is, or less than nothing), unknown, replayed <reply>, key_reused. Or stale, superseded, full.
-- Cost     O(items × levels of their products).
-- Retry    safe under the same batch name or operation key: a repair is named by the one before it.
-- @include lib/operations.lua

local ITEM = "^([%w_.-]+)\t([%w _.~-]+)\t(%-?%d+)\t(%x+)\t(%x+)\t([^\t\n]+)$"

local items = {}
for i = 2, #ARGV do
    local item = { string.match(ARGV[i], ITEM) }
    if not item[1] or math.abs(tonumber(item[3]) or 0) > STOCK_MAX then
        error("an item of a repair of reserved units cannot be read")
    end
    items[i - 1] = item
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

local function repair(item)
    local id, location, units = item[1], item[2], tonumber(item[3])
    local key, payload, context = item[4], item[5], item[6]
    local earlier = earlier_reply(key, payload)
    if earlier then
        return earlier
    end
    local product = load_product(id)
    local level = product and product.levels[location]
    if not level then
        return "unknown"
    elseif level.reserved + units < 0 or level.reserved + units > level.on_hand then
        return "unfit"
    end
    move("RECONCILE", product, location, 0, units, "", context)
    return remember_reply(key, payload, "repaired")
end

local replies = {}
for i, item in ipairs(items) do
    replies[i] = repair(item)
end
local function nothing() end
return close_batch(replies, { check = nothing, write = write_operations })
