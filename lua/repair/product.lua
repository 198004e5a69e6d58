#!lua
-- Purpose: sets attributes of a product to what the ledger says of them. It moves nothing.
-- KEYS[1]  {pN}:meta (hash, r); builds stock:<product> (hash, rw).
-- ARGV     store id, product, seq that it must still have, then field and value in turn.
-- Returns  repaired, moved (it changed since, or is not there), or stale (not that store, or fenced).
-- Cost     O(fields).
-- Retry    safe: the same values are set again.
-- @include lib/repair-without-movement.lua

local FIELDS = {
    productId = "^[%w_.-]+$",
    createdAt = "^%d+$",
    sku = "^[^\t\n]+$",
    name = "^[^\n]*$",
    price = "^[%d.e+-]*$",
    lowStockThreshold = "^%d+$",
    reorderPoint = "^%d+$",
    reorderQuantity = "^%d+$",
    safetyStock = "^%d+$",
    maxPerCustomer = "^%d*$",
    limitSince = "^%d*$",
    home = "^[%w _.-]+$",
}

local id, seq = ARGV[2], ARGV[3]
local fields = {}
for i = 4, #ARGV, 2 do
    local rule, value = FIELDS[ARGV[i]], ARGV[i + 1]
    if not rule or not value or not string.match(value, rule) then
        error("the repair of a product cannot be read")
    end
    fields[#fields + 1] = ARGV[i]
    fields[#fields + 1] = value
end
if #fields == 0 or not string.match(id, "^[%w_.-]+$") then
    error("the repair of a product cannot be read")
end
if is_strange() then
    return "stale"
end
if redis.call("HGET", stock_key(id), "seq") ~= seq then
    return "moved"
end
redis.call("HSET", stock_key(id), unpack(fields))
return "repaired"
