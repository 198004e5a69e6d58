#!lua
-- Purpose: writes what is found by product of the limits with a name (lib/limit-record.lua) anew, as their
--          records have it.
-- KEYS[1]  {pN}:meta (hash, rw); builds records:limit (hash, r), limited (hash, rw).
-- ARGV     store id.
-- Returns  repaired, or stale (not that store, or fenced).
-- Cost     O(products of all limits).
-- Retry    safe: it writes the same again.
-- @include lib/repair-without-movement.lua

local PART_ARGUMENTS = 1000 -- arguments of one call; even, and far below the 8 000 where `unpack` ends

if #ARGV ~= 1 then
    error("the repair of what limits are over takes a store id")
end
if is_strange() then
    return "stale"
end
local flat = redis.call("HGETALL", record_key("limit"))
local ids_of, of_all = {}, {}
for i = 1, #flat, 2 do
    local products = string.match(flat[i + 1], "([^\t]+)$") or ""
    if products == "*" then
        of_all[#of_all + 1] = flat[i]
    else
        for product in string.gmatch(products, "[^,]+") do
            ids_of[product] = (ids_of[product] and ids_of[product] .. "," or "") .. flat[i]
        end
    end
end
local fields = {}
for product, ids in pairs(ids_of) do
    fields[#fields + 1] = product
    fields[#fields + 1] = ids
end
redis.call("UNLINK", limited_key)
for first = 1, #fields, PART_ARGUMENTS do
    local last = math.min(first + PART_ARGUMENTS - 1, #fields)
    redis.call("HSET", limited_key, unpack(fields, first, last))
end
if #flat == 0 then
    redis.call("HDEL", meta_key, "limits")
else
    redis.call("HSET", meta_key, "limits", table.concat(of_all, ","))
end
return "repaired"
