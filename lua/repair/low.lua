#!lua
-- Purpose: sets a product's place in the low set to what its levels say.
-- KEYS[1]  {pN}:meta (hash, r); builds stock:<product> (hash, r), low (zset, rw).
-- ARGV     store id, product.
-- Returns  repaired, or stale (not that store, or fenced).
-- Cost     O(levels of the product).
-- Retry    safe.
-- @include lib/repair-without-movement.lua

local id = ARGV[2]
if not string.match(id, "^[%w_.-]+$") then
    error("the repair of the low set takes a product")
end
if is_strange() then
    return "stale"
end
local flat = redis.call("HGETALL", stock_key(id))
local fields = {}
for i = 1, #flat, 2 do
    fields[flat[i]] = flat[i + 1]
end
local units = -tonumber(fields.safetyStock or "0")
for location in string.gmatch(fields.locations or "", "[^,]+") do
    units = units
        + tonumber(fields["onHand:" .. location])
        - tonumber(fields["reserved:" .. location])
end
if fields.locations and units <= tonumber(fields.lowStockThreshold) then
    redis.call("ZADD", low_key, string.format("%d", units), id)
else
    redis.call("ZREM", low_key, id)
end
return "repaired"
