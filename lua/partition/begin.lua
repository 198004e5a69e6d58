#!lua
-- Purpose: begins an epoch of a partition after a start of its Redis server, or makes the partition.
-- KEYS[1]  {pN}:meta (hash, rw).
-- ARGV     store id, run id of the server, new epoch (above every earlier one), seq of the ledger.
-- Returns  an array: begun|current <epoch> <seq>, or foreign (another store's data),
--          behind <seq> (Redis lacks what the ledger has: fenced), used <epoch> (not above Redis's).
-- Cost     O(1).
-- Retry    safe: the same run id answers current.
-- @include lib/keys.lua

local store_id, run_id, epoch, ledger_seq = unpack(ARGV)
if not string.match(epoch, "^%d+$") or not string.match(ledger_seq, "^%d+$") then
    error("begin takes numbers")
end

local meta = redis.call("HMGET", meta_key, "storeId", "runId", "epoch", "seq", "fence")
if not meta[1] then
    if tonumber(ledger_seq) > 0 then
        return { "behind", "0" }
    end
    local now = redis.call("TIME")
    redis.call("HSET", meta_key, "storeId", store_id, "runId", run_id, "epoch", epoch, "seq", "0")
    redis.call("HSET", meta_key, "drained", "0", "swept", now[1], "lastNow", now[1] .. "000")
    return { "begun", epoch, "0" }
elseif meta[1] ~= store_id then
    return { "foreign" }
elseif tonumber(meta[4]) < tonumber(ledger_seq) then
    redis.call("HSET", meta_key, "fence", "behind")
    return { "behind", meta[4] }
elseif meta[2] == run_id and not meta[5] then
    return { "current", meta[3], meta[4] }
elseif tonumber(meta[3]) >= tonumber(epoch) then
    return { "used", meta[3] }
end
redis.call("HSET", meta_key, "runId", run_id, "epoch", epoch)
redis.call("HDEL", meta_key, "fence")
return { "begun", epoch, meta[4] }
