#!lua
-- Purpose: sets what a customer has under a limit with a name to what the ledger says. It moves nothing.
-- KEYS[1]  {pN}:meta (hash, r); builds records:limit (hash, r), stock:<product> (hash, r),
--          limit:<rule>:<window> (hash, rw).
-- ARGV     store id, id, the record that was found, window, when it ends (ms; empty: never), seq: the highest
--          that its products had (of one over all products: the partition's), then for each field of the
--          counts its name and its number (0: none).
-- Returns  repaired, moved (the limit or one of its products changed since), or stale (not that store, or
--          fenced).
-- Cost     O(products + customers).
-- Retry    safe: the same numbers are set again.
-- @include lib/repair-without-movement.lua

local id, text, window, ends, seq = unpack(ARGV, 2, 6)
for i = 7, #ARGV, 2 do
    local is_field = string.match(ARGV[i], "^%x+$") or string.match(ARGV[i], "^%x+:holds$")
    if not is_field or not string.match(ARGV[i + 1] or "", "^%d+$") then
        error("the repair of a limit cannot be read")
    end
end
if #ARGV < 8 or not string.match(id, "^[%w_.-]+$") or not string.match(window, "^%w+$") then
    error("the repair of a limit cannot be read")
end
if is_strange() then
    return "stale"
end
local products = string.match(text, "([^\t]+)$") or ""
local highest = products == "*" and tonumber(redis.call("HGET", meta_key, "seq")) or 0
if products ~= "*" then
    for product in string.gmatch(products, "[^,]+") do
        highest = math.max(highest, tonumber(redis.call("HGET", stock_key(product), "seq") or "0"))
    end
end
if redis.call("HGET", record_key("limit"), id) ~= text or highest ~= tonumber(seq) then
    return "moved"
end
local key = rule_key(id, window)
for i = 7, #ARGV, 2 do
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
