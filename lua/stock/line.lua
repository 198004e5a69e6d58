#!lua
-- Purpose: tells who waits for a product, a part of its line.
-- KEYS[1]  {pN}:meta (hash, r); builds stock:<product> (hash, r), records:waiting (hash, r),
--          waiting:<product> (zset, r), batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: product, seq after which they
--          joined, most places (1 … 500).
-- Returns  a status line and a line for each item: line <waiting> <a JSON array of owner and record by
--          turns>, unknown. Or stale, superseded.
-- Cost     O(places).
-- Retry    safe: it reads.
-- @include lib/waiting.lua

local PLACES_MAX = 500

local refusal = open_batch(false)
if refusal then
    return refusal
end

local function line_of_item(text)
    local id, after, limit = match(text, "^([%w_.-]+)\t(%d+)\t(%d+)$")
    local most = tonumber(limit or "")
    if not most or most < 1 or most > PLACES_MAX then
        error("an item of line cannot be read")
    end
    local product = load_product(id)
    if not product then
        return "unknown"
    end
    local key = waiting_key(id)
    local owners = redis.call("ZRANGEBYSCORE", key, "(" .. after, "+inf", "LIMIT", 0, limit)
    local told = {}
    for _, owner in ipairs(owners) do
        local text_of_place = load_record("waiting", record_id(id, owner))
        if text_of_place then
            told[#told + 1] = owner
            told[#told + 1] = text_of_place
        end
    end
    local list = #told > 0 and cjson.encode(told) or "[]"
    return "line\t" .. decimal[product.waiting or 0] .. "\t" .. list
end

local replies = {}
for i = 2, #ARGV do
    replies[i - 1] = line_of_item(ARGV[i])
end
return close_holds(replies)
