#!lua
-- Purpose: sets a record of a partition (lib/records.lua) to what the ledger says of it.
-- KEYS[1]  {pN}:meta (hash, r); builds records:<kind> (hash, rw).
-- ARGV     store id, kind, id, the text that was found ("": none), the text to put ("": it is removed).
-- Returns  repaired, moved (it changed since), or stale (not that store, or fenced).
-- Cost     O(1).
-- Retry    safe: the second call finds another text.
-- @include lib/repair-without-movement.lua

local kind, id, found, wanted = unpack(ARGV, 2)
if
    #ARGV ~= 5
    or not string.match(kind, "^%l+$")
    or id == ""
    or string.find(wanted, "\n", 1, true)
then
    error("the repair of a record cannot be read")
end
if is_strange() then
    return "stale"
end
if (redis.call("HGET", record_key(kind), id) or "") ~= found then
    return "moved"
end
if wanted == "" then
    redis.call("HDEL", record_key(kind), id)
else
    redis.call("HSET", record_key(kind), id, wanted)
end
return "repaired"
