#!lua
-- Purpose: begins an epoch of a partition after a start of its Redis server, or makes the partition.
-- KEYS[1]  {pN}:meta (hash, rw).
-- ARGV     store id, run id of the server, new epoch (above every earlier one), highest seq that the
--          ledger has or the process has seen.
-- Returns  an array: begun|current <epoch> <seq>, or foreign (another store's data),
--          behind <seq> (Redis lacks what was acknowledged: fenced, now or before; only a repair lifts
--          a fence), used <epoch> (not above Redis's).
-- Cost     O(1).
-- Retry    safe: the same run id answers current.
-- @include lib/keys.lua

local store_id, run_id, epoch, known_seq = unpack(ARGV)
if not string.match(epoch, "^%d+$") or not string.match(known_seq, "^%d+$") then
    error("begin takes numbers")
end

local meta = redis.call("HMGET", meta_key, "storeId", "runId", "epoch", "seq", "fence")
local seq = tonumber(meta[4] or "0")
if meta[1] and meta[1] ~= store_id then
    return { "foreign" }
elseif meta[5] then
    return { "behind", meta[4] }
elseif seq < tonumber(known_seq) then
    local fence = "behind:" .. known_seq
    redis.call("HSET", meta_key, "storeId", store_id, "seq", meta[4] or "0", "fence", fence)
    return { "behind", meta[4] or "0" }
elseif not meta[1] then
    local now = redis.call("TIME")
    redis.call("HSET", meta_key, "storeId", store_id, "runId", run_id, "epoch", epoch, "seq", "0")
    redis.call("HSET", meta_key, "drained", "0", "swept", now[1], "lastNow", now[1] .. "000")
    return { "begun", epoch, "0" }
elseif meta[2] == run_id then
    return { "current", meta[3], meta[4] }
elseif tonumber(meta[3]) >= tonumber(epoch) then
    return { "used", meta[3] }
end
redis.call("HSET", meta_key, "runId", run_id, "epoch", epoch)
return { "begun", epoch, meta[4] }
