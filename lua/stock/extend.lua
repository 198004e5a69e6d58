#!lua
-- Purpose: lets a live hold live longer; never shorter. A standing one lives on as it is.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), reservation:<owner> (string, rw),
--          operation:<key> (string, rw),
--          expiring:<second> (list, rw), low (zset, rw), journal (stream, w),
--          batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each (lib/change-hold.lua); the argument is
--          the seconds from now that the hold shall live.
-- Returns  a status line and a line for each item: done <record> [<stock>]|confirmed|cancelled|expired <record>,
--          superseded, unknown, again, replayed <reply>, key_reused. Or stale, superseded, full.
-- Cost     O(items + lines).
-- Retry    safe: a repeat moves the due time by no more than the time that passed.
-- @include lib/change-hold.lua

local items, owners = read_changes(read_seconds)
local refusal = open_batch(true)
if refusal then
    return refusal
end
load_holds(owners)

return change_holds(items, function(hold, item)
    local due = due_in(item.argument)
    if hold.due > 0 and due > hold.due then
        hold.due = due
        for _, line in ipairs(hold.lines) do
            if line.held > 0 then
                move_line("EXTEND", hold, line, 0, 0, item.context)
            end
        end
        touch(hold)
        schedule(hold)
        remember_reply(item.key, item.payload, encode_done(hold, item))
    end
    return encode_done(hold, item)
end)
