#!lua flags=allow-oom
-- Purpose: releases what is due, walking the seconds from `swept` to now in bounded steps.
-- KEYS[1]  {pN}:meta (hash, rw); builds expiring:<second> (list, rw), reservation:<owner> (string, rw),
--          stock:<product> (hash, rw), low (zset, rw), journal (stream, w),
--          batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua).
-- Returns  a status line, then `expired <holds> <more 0|1>`. Or stale, superseded.
-- Cost     O(entries + lines): at most ENTRIES_MAX entries and WINDOWS_MAX probes of empty seconds.
-- Retry    safe: a hold that ended is not due.
-- @include lib/holds.lua

local ENTRIES_MAX = 128 -- holds read by one call: with one line each it stays well under 2 ms
local LINES_MAX = 400 -- lines released by one call, after which no further hold is begun
local RECORDS_AT_ONCE = 16
local WINDOW_SECONDS = 500
local WINDOWS_MAX = 20

local refusal = open_batch(false)
if refusal then
    return refusal
end

local now_second = math.floor(now / 1000)
local entries = {} -- in order: { owner, second }
local more = false

-- The first second after `second` that may have a list, skipping windows without any.
local function skip_empty(second, windows)
    while second <= now_second and windows > 0 do
        local last = math.min(second + WINDOW_SECONDS - 1, now_second)
        local keys = {}
        for s = second, last do
            keys[#keys + 1] = expiring_key(s)
        end
        if redis.call("EXISTS", unpack(keys)) > 0 then
            return second
        end
        second = last + 1
        windows = windows - 1
    end
    return second
end

local reached = skip_empty(swept + 1, WINDOWS_MAX)
for second = reached, math.min(reached + WINDOW_SECONDS - 1, now_second) do
    local room = ENTRIES_MAX - #entries
    local owners = redis.call("LRANGE", expiring_key(second), 0, room - 1)
    for _, owner in ipairs(owners) do
        entries[#entries + 1] = { owner = owner, second = second }
    end
    if #owners == room then
        break
    end
    reached = second + 1
end

-- Reads the records of a few entries at a time: the lines they have are not known before.
local function load_next(first)
    local owners = {}
    for i = first, math.min(first + RECORDS_AT_ONCE - 1, #entries) do
        owners[#owners + 1] = entries[i].owner
    end
    load_holds(owners)
end

local expired, lines = 0, 0
local done = {} -- second → entries of its list that are dealt with
for i, entry in ipairs(entries) do
    if lines >= LINES_MAX then
        reached = math.min(reached, entry.second)
        more = true
        break
    end
    if (i - 1) % RECORDS_AT_ONCE == 0 then
        load_next(i)
    end
    local hold = records[entry.owner]
    if hold and hold.state == "ACTIVE" and hold.due == entry.second then
        expire_hold(hold)
        expired = expired + 1
        lines = lines + #hold.lines
    end
    done[entry.second] = (done[entry.second] or 0) + 1
end

more = more or reached <= now_second
local has_moved = reached - 1 > swept
swept = math.max(swept, reached - 1)
local answer = close_holds({ string.format("expired\t%d\t%d", expired, more and 1 or 0) })
for second, count in pairs(done) do
    redis.call("LTRIM", expiring_key(second), count, -1)
end
if seq == first_seq and has_moved then
    write_meta()
end
return answer
