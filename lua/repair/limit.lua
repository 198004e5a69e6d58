#!lua
-- Purpose: sets what a customer has of a product with a limit to what the ledger says. It moves nothing.
-- KEYS[1]  {pN}:meta (hash, r); builds stock:<product> (hash, r), limit:product:<product>:always (hash, rw).
-- ARGV     store id, product, seq that it must still have, then for each customer its hash and its units
--          (0: none).
-- Returns  repaired, moved (the product changed since, or is not there), or stale (not that store, or fenced).
-- Cost     O(customers).
-- Retry    safe: the same units are set again.
-- @include lib/repair-without-movement.lua

local id, seq = ARGV[2], ARGV[3]
for i = 4, #ARGV, 2 do
    if not string.match(ARGV[i], "^%x+$") or not string.match(ARGV[i + 1] or "", "^%d+$") then
        error("the repair of a limit cannot be read")
    end
end
if #ARGV < 5 or not string.match(id, "^[%w_.-]+$") then
    error("the repair of a limit cannot be read")
end
if is_strange() then
    return "stale"
end
if redis.call("HGET", stock_key(id), "seq") ~= seq then
    return "moved"
end
for i = 4, #ARGV, 2 do
    if ARGV[i + 1] == "0" then
        redis.call("HDEL", limit_key(id), ARGV[i])
    else
        redis.call("HSET", limit_key(id), ARGV[i], ARGV[i + 1])
    end
end
return "repaired"
