#!lua
-- Purpose: gives a live hold another owner in one step: its units leave the old record, which ends, and
--          are in a new one, or in the live hold that the new owner has. None of them is free in between,
--          so neither inactive locations nor the safety stock are asked.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), reservation:<owner> (string, rw),
--          limit:<rule>:<window> (hash, rw), limited (hash, r), records:limit (hash, r),
--          operation:<key> (string, rw), expiring:<second> (list, rw), low (zset, rw), waited (zset, rw),
--          journal (stream, w), batch:<writer>:<slot> (string, rw), rate:<identity> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each (lib/change-hold.lua); the argument is
--          `owner;generation;longest;customer<31>order`: the new owner's hash (empty: nobody could tell
--          it, for the hold was not found), the generation that a new record gets, the longest life of a
--          hold in seconds (1 … 86400), and whose it shall be, as JSON strings (empty: whose it was; one
--          of them is not), with the byte 31 between them, which no JSON has.
-- Returns  a status line and a line for each item: reassigned|held|standing|order_confirmed <owner> <record>,
--          above_limit <limit> <owner> <record>, confirmed|cancelled|expired <record>, superseded, unknown,
--          again, replayed <reply>, key_reused, limited <ms until there is room>. Or stale, superseded, full.
-- Cost     O(items + lines), a read and a write of each operation key, and of that of each hold it moved.
-- Retry    safe: a repeat finds what became of the hold, and one that has that owner already is answered.
-- @include lib/change-hold.lua
-- @include lib/merge-holds.lua

local ARGUMENT = "^(%x*);(%w+);(%d+);([^\31]*)\31([^\31]*)$"

local function read_argument(argument)
    local owner, generation, longest, customer, order = match(argument, ARGUMENT)
    if not owner or (customer == "" and order == "") then
        error("the argument of reassign cannot be read")
    end
    return {
        owner = owner,
        generation = generation,
        longest = read_seconds(longest),
        customer = customer,
        order = order,
    }
end

local items, owners = read_changes(read_argument)
local refusal = open_batch(true)
if refusal then
    return refusal
end
for i = 1, #items do
    local owner = items[i].argument.owner
    owners[#owners + 1] = owner ~= "" and owner or nil
end
load_holds(owners)

local seen = 0 -- lines of the holds that new owners have

local function told(word, hold)
    return word .. "\t" .. hold.owner .. "\t" .. encode_hold(hold)
end

-- The key under which a repeat finds whose the hold became; sale_key in confirm.lua is of the same form
-- (lib/operations.lua says why they never meet).
local function trace_key(owner, generation)
    return owner .. "-" .. generation
end

-- What it was asked for: one that asks for another owner hears nothing of this one.
local function trace_payload(to)
    return redis.sha1hex(to.customer .. "\31" .. to.order)
end

-- Due when the units were: that they change hands makes none of them last longer.
local function successor_of(hold, to)
    local customer, order = match(hold.whom, "^([^\t]*)\t(.*)$")
    local whose = to.customer ~= "" and to.customer or customer
    return {
        owner = to.owner,
        generation = to.generation,
        state = "ACTIVE",
        reason = "",
        due = hold.due,
        created = decimal[now],
        seq = decimal[seq],
        lines = {},
        whom = whose .. "\t" .. (to.order ~= "" and to.order or order),
        touched = false,
    }
end

local function reassign(hold, item)
    local to = item.argument
    if hold.due == 0 then
        return told("standing", hold)
    elseif to.owner == "" then
        return "unknown"
    elseif to.owner == hold.owner then
        return told("held", hold)
    elseif has_confirmed(hold) then
        return told("order_confirmed", hold)
    end
    local last = records[to.owner]
    if last and seen >= LINES_MAX then
        return "again"
    end
    seen = seen + (last and #last.lines or 0)
    if last and is_due(last) then
        expire_hold(last)
    end
    if last and has_confirmed(last) then
        return told("order_confirmed", last)
    end
    local live = last and last.state == "ACTIVE" and last
    if live and live.due == 0 then
        return told("standing", live)
    end
    local limit = live and limit_of(live, hold)
    if limit then
        return "above_limit\t" .. limit .. "\t" .. live.owner .. "\t" .. encode_hold(live)
    end
    -- Asked where it has no answer yet: this writes that key, and reads come first.
    local key, payload = trace_key(hold.owner, hold.generation), trace_payload(to)
    earlier_reply(key, payload)
    local target = live or successor_of(hold, to)
    records[to.owner] = target
    -- As an extension would: never sooner than it was, never beyond the longest life.
    local latest = due_after(tonumber(target.created), to.longest)
    local due = live and max(live.due, min(hold.due, latest)) or hold.due
    move_units(hold, target, item.context)
    hold.state, hold.reason = "CANCELLED", "reassigned"
    if not live or due > live.due then
        target.due = due
        schedule(target)
    end
    local reply = told("reassigned", target)
    remember_reply(key, payload, reply)
    return remember_reply(item.key, item.payload, reply)
end

local function ended(_, item)
    local to = item.argument
    local found = earlier_reply(trace_key(item.owner, item.generation), trace_payload(to))
    return found ~= "key_reused" and found or nil
end

return change_holds(items, reassign, ended)
