#!lua flags=allow-oom
-- Purpose: begins an epoch of a partition after a start of its Redis server, or makes the partition.
-- KEYS[1]  {pN}:meta (hash, rw).
-- ARGV     store id, run id of the server, new epoch (above every earlier one), highest seq that the
--          ledger has heard of or the process has seen, last epoch that the ledger heard of (0: none),
--          epoch and highest seq that the process has seen (0 0: none), and the seq at which that
--          epoch ended, as the ledger noted it (empty: it did not).
-- Returns  an array: begun|current <epoch> <seq>, or foreign (another store's data),
--          behind <seq> (Redis lacks what was acknowledged: fenced, now or before; only a rebuild lifts
--          a fence), used <epoch> (not above Redis's).
-- Cost     O(1).
-- Retry    safe: the same run id answers current.
-- A server that is out of memory begins too (allow-oom): what frees stock waits for it.
-- @include lib/keys.lua

local store_id, run_id = ARGV[1], ARGV[2]
local numbers = {}
for i = 3, 7 do
    if not string.match(ARGV[i] or "", "^%d+$") then
        error("begin takes numbers")
    end
    numbers[i] = tonumber(ARGV[i])
end
local epoch = ARGV[3]
local known_epoch, seen_epoch, seen_seq = numbers[5], numbers[6], numbers[7]

local names = { "storeId", "runId", "epoch", "seq", "fence", "beganAt", "rebuilt" }
local meta = redis.call("HMGET", meta_key, unpack(names))
-- What was seen before the partition was rebuilt is the ledger's, or was reported as lost.
if tonumber(meta[7] or "0") > seen_epoch then
    seen_seq = 0
end
local known_seq = math.max(numbers[4], seen_seq)
local seq = tonumber(meta[4] or "0")
local is_older = tonumber(meta[3] or "0") < known_epoch
-- A later epoch that began below what the process was told: what lay between is gone. There may
-- have been several since: the first of them counts.
local ended = math.min(tonumber(meta[6] or "0"), tonumber(ARGV[8]) or math.huge)
local has_lost = tonumber(meta[3] or "0") > seen_epoch and ended < seen_seq
if meta[1] and meta[1] ~= store_id then
    return { "foreign" }
elseif meta[5] then
    return { "behind", meta[4] }
elseif seq < known_seq or is_older or has_lost then
    local fence = string.format("behind:%d", known_seq)
    redis.call("HSET", meta_key, "storeId", store_id, "seq", meta[4] or "0", "fence", fence)
    return { "behind", meta[4] or "0" }
elseif not meta[1] then
    local now = redis.call("TIME")
    redis.call("HSET", meta_key, "storeId", store_id, "runId", run_id, "epoch", epoch, "seq", "0")
    redis.call("HSET", meta_key, "drained", "0", "beganAt", "0", "swept", now[1])
    redis.call("HSET", meta_key, "lastNow", now[1] .. "000")
    return { "begun", epoch, "0" }
elseif meta[2] == run_id then
    return { "current", meta[3], meta[4] }
elseif tonumber(meta[3]) >= numbers[3] then
    return { "used", meta[3] }
end
redis.call("HSET", meta_key, "runId", run_id, "epoch", epoch, "beganAt", meta[4])
return { "begun", epoch, meta[4] }
