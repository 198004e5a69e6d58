#!lua
-- Purpose: changes what the registry says of a location.
-- KEYS[1]  {pN}:meta (hash, rw); builds locations (hash, rw), operation:<key> (string, rw),
--          journal (stream, w), batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: location, expected version
--          (empty: any), active (0 or 1), priority (0 … 1000), name and address (JSON strings or
--          null), each empty where it stays, operation key, payload, context.
-- Returns  a status line and a line for each item: amended|expected_mismatch <record>, unknown,
--          replayed <reply>, key_reused. Or stale, superseded, full.
-- Cost     O(items × length of the rules), a read and a write of each operation key.
-- Retry    safe: setting the same values twice ends alike; the movement is written once by batch name.
-- @include lib/locations.lua

local ITEM =
    "^([%w _.-]+)\t(%d*)\t([01]?)\t(%d*)\t([^\t\n]*)\t([^\t\n]*)\t(%x*)\t(%x*)\t([^\t\n]+)$"

local items = {}
for i = 2, #ARGV do
    local item = { string.match(ARGV[i], ITEM) }
    if not item[1] then
        error("an item of amend cannot be read")
    end
    item[4] = item[4] ~= "" and read_priority(item[4]) or nil
    items[i - 1] = item
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

local function amend(item)
    local location, expected, active, priority, name, address, key, payload, context =
        unpack(item, 1, 9)
    local earlier = earlier_reply(key, payload)
    if earlier then
        return earlier
    end
    local known = load_location(location)
    if not known then
        return "unknown"
    end
    if expected ~= "" and tonumber(expected) ~= known.version then
        return "expected_mismatch\t" .. encode_location(known)
    end
    local record = {
        active = active ~= "" and active or known.active,
        priority = priority or known.priority,
        created = known.created,
        updated = now,
        name = name ~= "" and name or known.name,
        address = address ~= "" and address or known.address,
    }
    put_location(location, record, context)
    return remember_reply(key, payload, "amended\t" .. encode_location(record))
end

return answer_locations(items, amend)
