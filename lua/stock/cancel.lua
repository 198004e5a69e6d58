#!lua flags=allow-oom
-- Purpose: gives held units back.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), reservation:<owner> (string, rw),
--          limit:<rule>:<window> (hash, rw), limited (hash, r), records:limit (hash, r),
--          operation:<key> (string, rw), low (zset, rw), waited (zset, rw), journal (stream, w),
--          batch:<writer>:<slot> (string, rw), rate:<identity> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each (lib/change-hold.lua); the argument is
--          `product=quantity,…`, empty: all that is held.
-- Returns  a status line and a line for each item: done <record> [<stock>]|confirmed|cancelled|expired <record>,
--          exceeds <product> <held>, superseded, unknown, again, replayed <reply>, key_reused,
--          limited <ms until there is room>. Or stale, superseded.
-- Cost     O(items + lines), a read and a write of each operation key.
-- Retry    safe for all that is held: a cancelled hold answers cancelled. Named quantities are given back
--          again, unless the batch name or the operation key is the same.
-- @include lib/change-hold.lua

local items, owners = read_changes(read_quantities)
local refusal = open_batch(false)
if refusal then
    return refusal
end
load_holds(owners)

local function give_back(hold, line, units, context)
    move_line("RELEASE", hold, line, 0, -units, context)
    line.released = line.released + units
end

return change_holds(items, function(hold, item)
    local excess = excess_of(hold, item.argument)
    if excess then
        return excess
    end
    draw(hold, item.argument, give_back, item.context)
    settle_hold(hold, "CANCELLED", "cancelled")
    return remember_reply(item.key, item.payload, encode_done(hold, item))
end)
