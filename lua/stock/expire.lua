#!lua flags=allow-oom
-- Purpose: releases what is due, walking the seconds from `swept` to now in bounded steps.
-- KEYS[1]  {pN}:meta (hash, rw); builds expiring:<second> (list, rw), reservation:<owner> (string, rw),
--          stock:<product> (hash, rw), limit:<rule>:<window> (hash, rw), limited (hash, r),
--          records:limit (hash, r), low (zset, rw), waited (zset, rw), journal (stream, w),
--          batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua).
-- Returns  a status line, then `expired <holds> <more 0|1> <owners of damaged holds,…>`.
--          Or stale, superseded.
-- Cost     O(entries + lines): at most ENTRIES_MAX entries and WINDOWS_MAX probes of empty seconds.
-- Retry    safe: a hold that ended is not due.
-- @include lib/holds.lua
-- @include lib/wheel.lua

local ENTRIES_MAX = 128 -- holds read by one call: with one line each it stays well under 2 ms
local LINES_MAX = 400 -- lines released by one call, after which no further hold is begun
local WINDOWS_MAX = 20

local refusal = open_batch(false)
if refusal then
    return refusal
end

local now_second = math.floor(now / 1000)
local entries = {} -- in order: { owner, second }
local more = false

local reached = skip_empty(swept + 1, now_second, WINDOWS_MAX)
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

-- Whether a hold can be released: reads all that its release needs, and changes nothing. A line of which
-- nothing is held needs no level: that of a campaign may be gone by now.
local function can_release(hold)
    for _, line in ipairs(hold.lines) do
        local product = load_product(line.product)
        local level = product and product.levels[line.location]
        local reserved = level and level.reserved or 0
        if not product or reserved < line.held then
            return false
        end
        for _, rule in ipairs(product.rules or {}) do
            limits.units_of(rule, hold)
        end
    end
    return true
end

local expired, lines = 0, 0
local damaged = {} -- owners whose units stay held until somebody looks
local done = {} -- second → entries of its list that are dealt with
for _, entry in ipairs(entries) do
    if lines >= LINES_MAX then
        reached = math.min(reached, entry.second)
        more = true
        break
    end
    -- Record by record: the lines they have are not known before, and a damaged one fails alone.
    local is_read = pcall(load_holds, { entry.owner })
    local hold = is_read and records[entry.owner]
    if hold and hold.state == "ACTIVE" and hold.due == entry.second then
        local is_sound, can = pcall(can_release, hold)
        if is_sound and can then
            expire_hold(hold)
            expired = expired + 1
            lines = lines + #hold.lines
        else
            damaged[#damaged + 1] = entry.owner
        end
    elseif not is_read then
        damaged[#damaged + 1] = entry.owner
    end
    done[entry.second] = (done[entry.second] or 0) + 1
end

more = more or reached <= now_second
local has_moved = reached - 1 > swept
swept = math.max(swept, reached - 1)
local reply = string.format("expired\t%d\t%d\t", expired, more and 1 or 0)
local answer = close_holds({ reply .. table.concat(damaged, ",") })
for second, count in pairs(done) do
    redis.call("LTRIM", expiring_key(second), count, -1)
end
if seq == first_seq and has_moved then
    write_meta()
end
return answer
