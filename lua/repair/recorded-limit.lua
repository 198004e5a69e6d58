#!lua
-- Purpose: sets what customers have under a limit that a record says (one with a name, or a campaign's own) to what
--          the ledger says. It moves nothing.
-- KEYS[1]  {pN}:meta (hash, r); builds records:<kind> (hash, r), stock:<product> (hash, r),
--          limit:<rule>:<window> (hash, rw).
-- ARGV     store id, kind and id of the record, its text that was found, products by comma (*: all), rule, window,
--          when it ends (ms; empty: never), seq: the highest that its products had (of one over all products: the
--          partition's), then for each field of the counts its name and its number (0: none).
-- Returns  repaired, moved (the record or one of its products changed since), or stale (not that store, or
--          fenced).
-- Cost     O(products + customers).
-- Retry    safe: the same numbers are set again.
-- @include lib/repair-without-movement.lua

local kind, id, text, products, rule, window, ends, seq = unpack(ARGV, 2, 9)
for i = 10, #ARGV, 2 do
    local is_field = string.match(ARGV[i], "^%x+$") or string.match(ARGV[i], "^%x+:holds$")
    if not is_field or not string.match(ARGV[i + 1] or "", "^%d+$") then
        error("the repair of a limit cannot be read")
    end
end
local is_named = #ARGV > 10 and string.match(kind, "^%l+$") and string.match(id, "^[%w_.-]+$")
if not is_named or not string.match(rule, "^[%w_.:-]+$") or not string.match(window, "^%w+$") then
    error("the repair of a limit cannot be read")
end
if is_strange() then
    return "stale"
end
local highest = products == "*" and tonumber(redis.call("HGET", meta_key, "seq")) or 0
if products ~= "*" then
    for product in string.gmatch(products, "[^,]+") do
        highest = math.max(highest, tonumber(redis.call("HGET", stock_key(product), "seq") or "0"))
    end
end
if redis.call("HGET", record_key(kind), id) ~= text or highest ~= tonumber(seq) then
    return "moved"
end
local key = rule_key(rule, window)
for i = 10, #ARGV, 2 do
    if ARGV[i + 1] == "0" then
        redis.call("HDEL", key, ARGV[i])
    else
        redis.call("HSET", key, ARGV[i], ARGV[i + 1])
    end
end
if ends ~= "" then
    redis.call("PEXPIREAT", key, ends)
end
return "repaired"
