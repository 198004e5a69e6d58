#!lua
-- Purpose: puts the record of a hold where it is missing or wrong, or removes one that nobody made.
-- KEYS[1]  {pN}:meta (hash, rw); builds reservation:<owner> (string, rw), expiring:<second> (list, rw).
-- ARGV     store id, owner, the text that was found ("": no record), the text to put ("": remove it),
--          its due second (0: it stands, or is removed).
-- Returns  repaired, moved (another record is there by now), or stale (not that store, or fenced).
-- Cost     O(entries of the second's list).
-- Retry    safe: the second call finds another text.
-- @include lib/repair-without-movement.lua

local owner, found, text, second = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
if not string.match(owner, "^%x+$") or not second then
    error("the repair of a hold cannot be read")
end
if is_strange() then
    return "stale"
end
local key = reservation_key(owner)
-- What is of another type counts as no record.
local is_text = redis.call("TYPE", key).ok == "string"
if (is_text and redis.call("GET", key) or "") ~= found then
    return "moved"
end
if second > 0 then
    redis.call("LLEN", expiring_key(second))
end
redis.call("DEL", key)
if text ~= "" then
    redis.call("SET", key, text)
end
if second > 0 then
    list_due(owner, second)
end
return "repaired"
