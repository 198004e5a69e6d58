#!lua flags=allow-oom
-- Purpose: begins an epoch of a partition after a start of its Redis server, or makes the partition.
-- KEYS[1]  {pN}:meta (hash, rw).
-- ARGV     store id, run id of the server, new epoch (above every earlier one), highest seq that the
--          ledger has heard of or the process has seen, last epoch that the ledger heard of (0: none),
--          epoch and highest seq that the process has seen (0 0: none), and the seq at which that
--          epoch ended, as the ledger noted it (empty: it did not).
-- Returns  an array: begun|current <epoch> <seq>, or foreign (another store's data),
--          behind <seq> (Redis lacks what was acknowledged, or its meta is damaged: fenced, now or
--          before; only a rebuild lifts a fence), used <epoch> (not above Redis's).
-- Cost     O(1).
-- Retry    safe: the same run id answers current.
-- A server that is out of memory begins too (allow-oom): what frees stock waits for it.
-- @include lib/meta.lua

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

local meta = read_meta()
if meta.storeId and meta.storeId ~= store_id then
    return { "foreign" }
elseif meta.fence then
    forget_unreadable(meta)
    return { "behind", meta.seq or "0" }
elseif meta.is_damaged then
    fence_partition(meta, store_id, math.max(numbers[4], seen_seq))
    return { "behind", meta.seq }
end
-- What was seen before the partition was rebuilt is the ledger's, or was reported as lost.
if tonumber(meta.rebuilt or "0") > seen_epoch then
    seen_seq = 0
end
local known_seq = math.max(numbers[4], seen_seq)
local is_older = tonumber(meta.epoch or "0") < known_epoch
-- A later epoch that began below what the process was told: what lay between is gone. There may
-- have been several since: the first of them counts.
local ended = math.min(tonumber(meta.beganAt or "0"), tonumber(ARGV[8]) or math.huge)
local has_lost = tonumber(meta.epoch or "0") > seen_epoch and ended < seen_seq
if tonumber(meta.seq or "0") < known_seq or is_older or has_lost then
    fence_partition(meta, store_id, known_seq)
    return { "behind", meta.seq }
elseif not meta.storeId then
    local now = redis.call("TIME")
    redis.call("HSET", meta_key, "storeId", store_id, "runId", run_id, "epoch", epoch, "seq", "0")
    redis.call("HSET", meta_key, "drained", "0", "beganAt", "0", "swept", now[1])
    redis.call("HSET", meta_key, "lastNow", now[1] .. "000")
    return { "begun", epoch, "0" }
elseif meta.runId == run_id then
    return { "current", meta.epoch, meta.seq }
elseif tonumber(meta.epoch) >= numbers[3] then
    return { "used", meta.epoch }
end
redis.call("HSET", meta_key, "runId", run_id, "epoch", epoch, "beganAt", meta.seq)
return { "begun", epoch, meta.seq }
