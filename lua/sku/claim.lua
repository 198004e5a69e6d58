#!lua
-- Purpose: claims a SKU for a product before the product is made; partitions do not share a script.
-- KEYS[1]  sku:<sku> (string, rw): product, tab, time of the claim in milliseconds.
-- ARGV     product, and the claim that may be taken over (empty: none).
-- Returns  an array: claimed, or taken <claim>.
-- Cost     O(1).
-- Retry    safe: the same product is a success.

local product, stale_claim = ARGV[1], ARGV[2]
if not string.match(product, "^[%w_.-]+$") then
    error("claim takes a product id")
end

local claim = redis.call("GET", KEYS[1])
if claim and string.match(claim, "^[^\t]+") == product then
    return { "claimed" }
elseif claim and claim ~= stale_claim then
    return { "taken", claim }
end
local time = redis.call("TIME")
local now = string.format("%d", time[1] * 1000 + math.floor(time[2] / 1000))
redis.call("SET", KEYS[1], product .. "\t" .. now)
return { "claimed" }
