#!lua
-- Purpose: brings a location's record, as partition 0 decided it, to another partition.
-- KEYS[1]  {pN}:meta (hash, rw); builds locations (hash, rw), journal (stream, w),
--          batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: location, its record
--          (lib/locations.lua), context.
-- Returns  a status line and a line for each item: copied, current (this record or a newer one is
--          there). Or stale, superseded, full.
-- Cost     O(items × length of the rules).
-- Retry    safe: a record that is not newer changes nothing.
-- @include lib/locations.lua

local items = {}
for i = 2, #ARGV do
    local location, record, context =
        string.match(ARGV[i], "^([%w _.-]+)\t(1\t[^\n]+)\t([^\t\n]+)$")
    if not location then
        error("an item of copy cannot be read")
    end
    items[i - 1] = { location = location, record = decode_location(record), context = context }
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

local function copy(item)
    local known = load_location(item.location)
    if known and known.version >= item.record.version then
        return "current"
    end
    put_location(item.location, item.record, item.context)
    return "copied"
end

return answer_locations(items, copy)
