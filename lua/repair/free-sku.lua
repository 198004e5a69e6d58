#!lua
-- Purpose: gives a SKU free whose claim is for a product that does not have it.
-- KEYS[1]  sku:<sku> (string, rw).
-- ARGV     the claim that was found.
-- Returns  repaired, or moved (another claim is there by now, or none).
-- Cost     O(1).
-- Retry    safe: the second call finds none.

if redis.call("TYPE", KEYS[1]).ok ~= "string" or redis.call("GET", KEYS[1]) ~= ARGV[1] then
    return "moved"
end
redis.call("DEL", KEYS[1])
return "repaired"
