#!lua
-- Purpose: puts a live hold into the list of the second in which it is due.
-- KEYS[1]  {pN}:meta (hash, rw); builds reservation:<owner> (string, r), expiring:<second> (list, rw).
-- ARGV     store id, owner, second.
-- Returns  repaired, moved (it is not live, or due in another second), or stale (not that store, or fenced).
-- Cost     O(entries of the second's list).
-- Retry    safe: an entry that is there is not made twice.
-- @include lib/repair-without-movement.lua

local owner, second = ARGV[2], tonumber(ARGV[3])
if not string.match(owner, "^%x+$") or not second or second < 1 then
    error("the repair of a due time cannot be read")
end
if is_strange() then
    return "stale"
end
local record = redis.call("GET", reservation_key(owner)) or ""
local state, due = string.match(record, "^1\t%w+\t(%u+)\t[%l_]*\t(%d+)\t")
if state ~= "ACTIVE" or tonumber(due) ~= second then
    return "moved"
end
redis.call("LLEN", expiring_key(second))
list_due(owner, second)
return "repaired"
