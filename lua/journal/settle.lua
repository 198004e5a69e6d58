#!lua flags=allow-oom
-- Purpose: notes how far the ledger is, and trims the journal behind the tail that is kept.
-- KEYS[1]  {pN}:meta (hash, rw); builds journal (stream, rw).
-- ARGV     epoch and seq of the ledger's cursor, movements to keep behind it.
-- Returns  settled, or stale when there is no such partition.
-- Cost     O(trimmed), at most TRIM_MAX entries.
-- Retry    safe: drained never moves back.
-- @include lib/keys.lua

local TRIM_MAX = 1000

local epoch, seq, keep = unpack(ARGV)
local drained = redis.call("HGET", meta_key, "drained")
if not drained then
    return "stale"
end
redis.call("XLEN", journal_key)
if tonumber(seq) > tonumber(drained) then
    redis.call("HSET", meta_key, "drained", seq)
end
if tonumber(seq) > tonumber(keep) then
    local oldest = string.format("%s-%d", epoch, tonumber(seq) - tonumber(keep))
    redis.call("XTRIM", journal_key, "MINID", "~", oldest, "LIMIT", TRIM_MAX)
end
return "settled"
