#!lua flags=allow-oom
-- Purpose: ends a rebuild: the partition begins the epoch that was taken for it, and is open.
-- KEYS[1]  {pN}:meta (hash, rw).
-- ARGV     token, run id of the server, epoch, seq of the ledger's cursor, time of its last
--          movement (ms), first second that something is due (0: none), rules of the locations,
--          ids of the limits over all products, each behind a comma (a comma alone: none is; empty: no
--          limit has a name).
-- Returns  an array: begun <epoch> <seq>, or lost (the claim is another's, or gone, or this is
--          another server than the one that was written),
--          used <epoch> (not above Redis's).
-- Cost     O(1).
-- Retry    answers lost: who asks again finds the partition open.
-- @include lib/rebuild-claim.lua

local token, run_id, epoch, seq, last_at, first_due, rules, limits = unpack(ARGV)
local is_same = string.match(redis.call("INFO", "server"), "run_id:(%w+)") == run_id
if not claim_of(token) or not is_same then
    return { "lost" }
end
local meta = redis.call("HMGET", meta_key, "epoch", "lastNow")
if tonumber(meta[1] or "0") >= tonumber(epoch) then
    return { "used", meta[1] }
end
-- Time never goes back, be it that of the ledger; and what is due already is still to be swept.
local now = math.max(now_ms(), tonumber(last_at), tonumber(meta[2] or "0"))
local swept = math.floor(now / 1000)
if tonumber(first_due) > 0 then
    swept = math.min(swept, tonumber(first_due) - 1)
end
local fields = { "runId", run_id, "epoch", epoch, "seq", seq, "drained", seq, "beganAt", seq }
redis.call("HSET", meta_key, "rebuilt", epoch, "swept", swept, unpack(fields))
redis.call("HSET", meta_key, "lastNow", string.format("%d", now))
if rules == "" then
    redis.call("HDEL", meta_key, "locations")
else
    redis.call("HSET", meta_key, "locations", rules)
end
if (limits or "") == "" then
    redis.call("HDEL", meta_key, "limits")
else
    redis.call("HSET", meta_key, "limits", string.sub(limits, 2))
end
redis.call("HDEL", meta_key, "fence")
return { "begun", epoch, seq }
