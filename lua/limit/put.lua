#!lua
-- Purpose: makes a limit that has a name, or another one of it: how many units of its products one customer
--          may have. It goes on counting where only its numbers change; else it begins anew, with nothing.
-- KEYS[1]  {pN}:meta (hash, rw); builds records:limit (hash, rw), limited (hash, rw), stock:<product> (hash, r),
--          limit:<rule>:<window> (hash, w), operation:<key> (string, rw), journal (stream, w),
--          batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: id, expected version (empty: any),
--          most units (1 … 10^9), hours of its window (0 … 8760; 0: none), counts (taken|held), most live
--          holds (empty: any number), products by comma, distinct and in order (*: all), operation key,
--          payload, context.
-- Returns  a status line and a line for each item: made|put|kept|expected_mismatch <record>, unknown,
--          unknown_product <product>, above_limit <limits, or product and which one>, replayed <reply>, key_reused.
--          Or stale, superseded, full.
-- Cost     O(products), two reads of each.
-- Retry    safe: a limit that is as it is asked for is answered, and changes nothing.
-- @include lib/limit-record.lua

local ITEM =
    "^([%w_.-]+)\t(%d*)\t(%d+)\t(%d+)\t(%l+)\t(%d*)\t([%w_.,*-]+)\t(%x*)\t(%x*)\t([^\t\n]+)$"
local COUNTS = { taken = true, held = true }

local items = {}
for i = 2, #ARGV do
    local item = { string.match(ARGV[i], ITEM) }
    if not item[1] or not COUNTS[item[5]] then
        error("an item of put cannot be read")
    end
    items[i - 1] = item
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

-- Why no limit may be over those products that it is not over yet; nil: it may.
local function refusal_of_products(before, limit)
    local had = {}
    for _, product in ipairs(products_of(before)) do
        had[product] = true
    end
    for _, product in ipairs(products_of(limit)) do
        if not had[product] and #ids_of(product) >= LIMITS_OF_PRODUCT_MAX then
            return "above_limit\tproduct\t" .. product
        end
        if product ~= EVERYTHING and redis.call("HEXISTS", stock_key(product), "seq") == 0 then
            return "unknown_product\t" .. product
        end
    end
    return nil
end

local counts_from = 0 -- when the limits that this batch begins anew begin to count (ms)

local function put(item)
    local id, expected, units, hours, counts, holds, named, key, payload, context =
        unpack(item, 1, 10)
    local earlier = earlier_reply(key, payload)
    if earlier then
        return earlier
    end
    local before, text = load_limit(id)
    if expected ~= "" and not before then
        return "unknown"
    elseif expected ~= "" and before.version ~= expected then
        return "expected_mismatch\t" .. text
    end
    local limit = {
        version = decimal[seq + 1],
        units = units,
        hours = hours,
        counts = counts,
        holds = holds,
        products = named,
        updated = decimal[now],
    }
    local is_same = before
        and before.hours == hours
        and before.counts == counts
        and before.products == named
        and (before.holds == "") == (holds == "")
    if is_same and before.units == units and before.holds == holds then
        return remember_reply(key, payload, "kept\t" .. text)
    end
    if not before and count_limits() >= LIMITS_MAX then
        return "above_limit\tlimits"
    end
    local refused = refusal_of_products(before, limit)
    if refused then
        return refused
    end
    -- The next millisecond: what was made in this one came before it.
    counts_from = is_same and counts_from or now + 1
    limit.since = is_same and before.since or decimal[now + 1]
    limit.created = before and before.created or decimal[now]
    if before and not is_same then
        forget_counts(id, before)
    end
    put_limit(id, before, limit, context)
    local word = before and "put\t" or "made\t"
    return remember_reply(key, payload, word .. encode_limit(limit))
end

return answer_limits(items, put, function()
    -- Time goes on to there, also where Redis's clock is behind it: whatever comes after counts.
    now = math.max(now, counts_from)
end)
