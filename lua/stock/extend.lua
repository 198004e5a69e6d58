#!lua
-- Purpose: lets a live hold live longer; never shorter, and never beyond the longest life of a hold,
--          which counts from when it was made.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), reservation:<owner> (string, rw),
--          limit:<rule>:<window> (hash, rw), limited (hash, r), records:limit (hash, r),
--          operation:<key> (string, rw), expiring:<second> (list, rw), low (zset, rw), waited (zset, rw),
--          journal (stream, w), batch:<writer>:<slot> (string, rw), rate:<identity> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each (lib/change-hold.lua); the argument is
--          `seconds;longest;most`: the seconds from now that the hold shall live, the longest life of
--          a hold, in seconds (1 … 86400 each), and how often one may be extended (0: any number of
--          times). How often it was stands under the operation key `<owner>-<generation>-extended`, for
--          longer than any hold lives.
-- Returns  a status line and a line for each item: done <record> [<stock>]|confirmed|cancelled|expired <record>,
--          standing (it has no due time), too_often <times it was extended> <record>, superseded, unknown, again, replayed <reply>, key_reused,
--          limited <ms until there is room>. Or stale, superseded, full.
-- Cost     O(items + lines), a read and a write of each operation key, and of how often a hold was extended.
-- Retry    safe: a repeat moves the due time by no more than the time that passed.
-- @include lib/change-hold.lua

local EXTENDED = "e" -- payload of how often, which is asked by no caller

local function read_argument(argument)
    local seconds, longest, most = string.match(argument, "^(%d+);(%d+);(%d+)$")
    return {
        seconds = read_seconds(seconds or ""),
        longest = read_seconds(longest or ""),
        most = tonumber(most),
    }
end

local function count_key(hold)
    return hold.owner .. "-" .. hold.generation .. "-extended"
end

local function times_extended(hold)
    local kept = earlier_reply(count_key(hold), EXTENDED)
    return kept and tonumber(match(kept, "^replayed\t(%d+)$")) or 0
end

local items, owners = read_changes(read_argument)
local refusal = open_batch(true)
if refusal then
    return refusal
end
load_holds(owners)

return change_holds(items, function(hold, item)
    if hold.due == 0 then
        return "standing"
    end
    local asked = due_after(now, item.argument.seconds)
    local due = math.min(asked, due_after(tonumber(hold.created), item.argument.longest))
    if due <= hold.due then
        return encode_done(hold, item)
    end
    if item.argument.most > 0 then
        local times = times_extended(hold)
        if times >= item.argument.most then
            return "too_often\t" .. decimal[times] .. "\t" .. encode_hold(hold)
        end
        remember_reply(count_key(hold), EXTENDED, decimal[times + 1])
    end
    hold.due = due
    for _, line in ipairs(hold.lines) do
        if line.held > 0 then
            move_line("EXTEND", hold, line, 0, 0, item.context)
        end
    end
    touch(hold)
    schedule(hold)
    return remember_reply(item.key, item.payload, encode_done(hold, item))
end)
