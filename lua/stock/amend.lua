#!lua
-- Purpose: changes attributes of a product without moving stock.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), limited (hash, r), records:limit (hash, r),
--          operation:<key> (string, rw), limit:product:<product>:always (hash, w), low (zset, rw), waited (zset, rw),
--          journal (stream, w), batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: product, expected seq
--          (empty: any), operation key, payload, context, then field=value pairs (empty: unset).
-- Returns  a status line and a line for each item: amended|expected_mismatch <product>, unknown,
--          replayed <reply>, key_reused. Or stale, superseded, full.
-- Cost     O(items + fields), a read and a write of each operation key.
-- Retry    safe: setting the same values twice ends alike; the movement is written once by batch name.
-- @include lib/products.lua

local ITEM = "^([%w_.-]+)\t(%d*)\t(%x*)\t(%x*)\t([^\t\n]+)\t([^\n]+)$"
local RULES = {
    name = "^.*$",
    price = "^[%d.]*$",
    lowStockThreshold = "^%d+$",
    reorderPoint = "^%d+$",
    reorderQuantity = "^%d+$",
    safetyStock = "^%d+$",
    maxPerCustomer = "^%d*$",
}

local items = {}
for i = 2, #ARGV do
    local item = { changes = {} }
    local changes_text
    item.product, item.expected_seq, item.key, item.payload, item.context, changes_text =
        string.match(ARGV[i], ITEM)
    if not item.product then
        error("an item of amend cannot be read")
    end
    for pair in string.gmatch(changes_text .. "\t", "([^\t]*)\t") do
        local name, value = string.match(pair, "^(%a+)=(.*)$")
        if not RULES[name] or not string.match(value, RULES[name]) then
            error("an attribute of amend cannot be read")
        end
        item.changes[name] = value
    end
    items[i - 1] = item
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

local forgotten = {} -- products whose counts of customers end
local counts_from = 0 -- when the limits that this batch sets on begin to count (ms)

-- A limit counts from when it is set on, also where there was one before; one that changes goes on. The next
-- millisecond: what was made in this one came before it.
local function amend_limit(product, changes)
    local before, after = product.attributes.maxPerCustomer or "", changes.maxPerCustomer
    if after and (before == "") ~= (after == "") then
        counts_from = after ~= "" and now + 1 or counts_from
        changes.limitSince = after ~= "" and decimal[counts_from] or ""
        forgotten[#forgotten + 1] = product.id
    end
end

local function amend(item)
    local earlier = earlier_reply(item.key, item.payload)
    if earlier then
        return earlier
    end
    local product = load_whole(item.product)
    if not product then
        return "unknown"
    end
    if not has_version(product, item.expected_seq) then
        return "expected_mismatch\t" .. encode_product(product)
    end
    amend_limit(product, item.changes)
    amend_fields(product, item.changes)
    product.safety = tonumber(item.changes.safetyStock or product.safety)
    product.threshold = tonumber(item.changes.lowStockThreshold or product.threshold)
    move("ATTRIBUTE", product, product.attributes.home, 0, 0, "", item.context)
    return remember_reply(item.key, item.payload, "amended\t" .. encode_product(product))
end

return answer_products(items, amend, function()
    for _, product in ipairs(forgotten) do
        redis.call("UNLINK", limit_key(product))
    end
    -- Time goes on to there, also where Redis's clock is behind it: whatever comes after counts.
    now = math.max(now, counts_from)
end)
