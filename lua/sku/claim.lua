#!lua
-- Purpose: claims a SKU for a product before the product is made; partitions do not share a script.
-- KEYS[1]  sku:<sku> (string, rw): product, tab, time of the claim in milliseconds.
-- ARGV     product, and the claim that may be taken over (empty: none).
-- Returns  an array: claimed, or taken <claim>.
-- Cost     O(1).
-- Retry    safe: the same product is a success.

local RENEW_MS = 30000 -- half of CLAIM_MS_MAX in src/redis/sku-claims.ts, when a claim is stale

local product, stale_claim = ARGV[1], ARGV[2]
if not string.match(product, "^[%w_.-]+$") then
    error("claim takes a product id")
end

local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local claim = redis.call("GET", KEYS[1])
local holder, at = string.match(claim or "", "^([^\t]+)\t(%d+)$")
if holder == product and now - tonumber(at) < RENEW_MS then
    return { "claimed" }
elseif claim and holder ~= product and claim ~= stale_claim then
    return { "taken", claim }
end
-- An old claim is renewed by its holder too: who found it stale can no longer take it over.
redis.call("SET", KEYS[1], string.format("%s\t%d", product, now))
return { "claimed" }
