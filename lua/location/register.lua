#!lua
-- Purpose: registers a location: what it is called, where it is, and whether and in which order
--          units are taken there.
-- KEYS[1]  {pN}:meta (hash, rw); builds locations (hash, rw), operation:<key> (string, rw),
--          journal (stream, w), batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: location, active (0 or 1),
--          priority (0 … 1000), name and address (JSON strings or null), operation key, payload, context.
-- Returns  a status line and a line for each item: registered|exists <record>, above_limit,
--          replayed <reply>, key_reused. Or stale, superseded, full.
-- Cost     O(items × length of the rules), a read and a write of each operation key.
-- Retry    safe under the same batch name or operation key; else it answers exists.
-- @include lib/locations.lua

local REGISTERED_MAX = 1000 -- the rules of all of them come with every read of the meta
local ITEM = "^([%w _.-]+)\t([01])\t(%d+)\t([^\t\n]+)\t([^\t\n]+)\t(%x*)\t(%x*)\t([^\t\n]+)$"

local items = {}
for i = 2, #ARGV do
    local item = { string.match(ARGV[i], ITEM) }
    if not item[1] then
        error("an item of register cannot be read")
    end
    item[3] = read_priority(item[3])
    items[i - 1] = item
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

local function register(item)
    local location, active, priority, name, address, key, payload, context = unpack(item, 1, 8)
    local earlier = earlier_reply(key, payload)
    if earlier then
        return earlier
    end
    local existing = load_location(location)
    if existing then
        return "exists\t" .. encode_location(existing)
    end
    if count_locations() >= REGISTERED_MAX then
        return "above_limit"
    end
    local record = {
        active = active,
        priority = priority,
        created = now,
        updated = now,
        name = name,
        address = address,
    }
    put_location(location, record, context)
    return remember_reply(key, payload, "registered\t" .. encode_location(record))
end

return answer_locations(items, register)
