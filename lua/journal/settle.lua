#!lua flags=allow-oom
-- Purpose: notes how far the ledger is, and trims the journal behind the tail that is kept.
-- KEYS[1]  {pN}:meta (hash, rw); builds journal (stream, rw).
-- ARGV     store id, epoch and seq of the ledger's cursor, movements to keep behind it, and
--          located|appended: only a cursor that was located may stand before what was known.
-- Returns  settled, or stale (this is not that store, or it is fenced, be it from now on: it lacks
--          what the ledger has, or its meta is damaged).
-- Cost     O(trimmed), at most TRIM_MAX entries.
-- Retry    safe.
-- @include lib/meta.lua

local TRIM_MAX = 1000

local store_id, epoch, seq, keep, how = unpack(ARGV)
seq, keep = tonumber(seq), tonumber(keep)
local meta = read_meta()
if meta.storeId ~= store_id or meta.fence then
    return "stale"
end
-- The ledger follows this server's journal, so it is never ahead of it: another server's is there.
if meta.is_damaged or tonumber(meta.seq) < seq or tonumber(meta.epoch) < tonumber(epoch) then
    fence_partition(meta, store_id, seq)
    return "stale"
end
redis.call("XLEN", journal_key)
local drained = tonumber(meta.drained)
if seq > drained or (how == "located" and seq < drained) then
    redis.call("HSET", meta_key, "drained", string.format("%d", seq))
end
-- Ids of an earlier epoch are below every id of this one: the tail reaches back to its beginning.
if seq - keep > tonumber(meta.beganAt) then
    local oldest = string.format("%s-%d", epoch, seq - keep)
    redis.call("XTRIM", journal_key, "MINID", "~", oldest, "LIMIT", TRIM_MAX)
end
return "settled"
