#!lua
-- Purpose: sets a partition's copy of the registry of locations to what the ledger says of it.
-- KEYS[1]  {pN}:meta (hash, rw); builds locations (hash, rw).
-- ARGV     store id, the rules that were found ("": none), the rules to put, then for each location that
--          differs: its name, the record that was found ("": none), the one to put ("": it is removed).
-- Returns  repaired, moved (it changed since), or stale (not that store, or fenced).
-- Cost     O(locations).
-- Retry    safe: the second call finds other records.
-- @include lib/repair-without-movement.lua

local found, wanted = ARGV[2], ARGV[3]
if not wanted or #ARGV % 3 ~= 0 then
    error("the repair of the registry cannot be read")
end
if is_strange() then
    return "stale"
end
local put, remove = {}, {}
local is_same = (redis.call("HGET", meta_key, "locations") or "") == found
for i = 4, #ARGV, 3 do
    local location, record = ARGV[i], ARGV[i + 2]
    if not string.match(location, "^[%w _.-]+$") then
        error("the repair of the registry cannot be read")
    end
    is_same = is_same and (redis.call("HGET", locations_key, location) or "") == ARGV[i + 1]
    if record == "" then
        remove[#remove + 1] = location
    else
        put[#put + 1] = location
        put[#put + 1] = record
    end
end
if not is_same then
    return "moved"
end
if #remove > 0 then
    redis.call("HDEL", locations_key, unpack(remove))
end
if #put > 0 then
    redis.call("HSET", locations_key, unpack(put))
end
redis.call("HSET", meta_key, "locations", wanted)
return "repaired"
