#!lua
-- Purpose: begins an epoch of a partition after a start of its Redis server, or makes the partition.
-- KEYS[1]  {pN}:meta (hash, rw).
-- ARGV     store id, run id of the server, new epoch (above every earlier one), highest seq that the
--          ledger has or the process has seen.
-- Returns  an array: begun|current <epoch> <seq>, or foreign (another store's data),
--          behind <seq> (Redis lacks what was acknowledged, or a repair has fenced it), used <epoch>
--          (not above Redis's).
-- Cost     O(1).
-- Retry    safe: the same run id answers current.
-- @include lib/keys.lua

local BEHIND = "behind" -- our own fence; another token is a repair's, and only that may lift it

local store_id, run_id, epoch, known_seq = unpack(ARGV)
if not string.match(epoch, "^%d+$") or not string.match(known_seq, "^%d+$") then
    error("begin takes numbers")
end

local meta = redis.call("HMGET", meta_key, "storeId", "runId", "epoch", "seq", "fence")
if not meta[1] then
    if tonumber(known_seq) > 0 then
        return { "behind", "0" }
    end
    local now = redis.call("TIME")
    redis.call("HSET", meta_key, "storeId", store_id, "runId", run_id, "epoch", epoch, "seq", "0")
    redis.call("HSET", meta_key, "drained", "0", "swept", now[1], "lastNow", now[1] .. "000")
    return { "begun", epoch, "0" }
elseif meta[1] ~= store_id then
    return { "foreign" }
elseif meta[5] and meta[5] ~= BEHIND then
    return { "behind", meta[4] }
elseif tonumber(meta[4]) < tonumber(known_seq) then
    redis.call("HSET", meta_key, "fence", BEHIND)
    return { "behind", meta[4] }
elseif meta[2] == run_id and not meta[5] then
    return { "current", meta[3], meta[4] }
elseif tonumber(meta[3]) >= tonumber(epoch) then
    return { "used", meta[3] }
end
redis.call("HSET", meta_key, "runId", run_id, "epoch", epoch)
redis.call("HDEL", meta_key, "fence")
return { "begun", epoch, meta[4] }
