-- Registered locations as an overlay over their records. A record is tab-separated text, format 1:
-- 1, active (0 or 1), priority, created (ms), updated (ms), version, name, address; the last two are
-- JSON (a string or null) that nothing here parses. Twin: src/redis/location-record.ts.
-- @include lib/operations.lua

local PRIORITY_MAX = 1000 -- twin: PRIORITY_MAX in src/inventory/model.ts

local registry = {} -- location → record, or false when nobody registered it
local changed_locations = {} -- in order, each once
local registered -- how many there are

local function read_priority(text)
    local priority = tonumber(text)
    if not priority or priority > PRIORITY_MAX then
        error("a priority is out of range")
    end
    return priority
end

local function decode_location(text)
    local record = {}
    local priority
    record.active, priority, record.created, record.updated, record.version, record.name, record.address =
        string.match(text, "^1\t([01])\t(%d+)\t(%d+)\t(%d+)\t(%d+)\t([^\t\n]+)\t([^\t\n]+)$")
    if not record.active then
        error("the record of a location cannot be read")
    end
    record.priority = read_priority(priority)
    record.created, record.updated, record.version =
        tonumber(record.created), tonumber(record.updated), tonumber(record.version)
    return record
end

local function encode_location(record)
    return string.format(
        "1\t%s\t%d\t%d\t%d\t%d\t%s\t%s",
        record.active,
        record.priority,
        record.created,
        record.updated,
        record.version,
        record.name,
        record.address
    )
end

local function load_location(location)
    if registry[location] == nil then
        local text = redis.call("HGET", locations_key, location)
        registry[location] = text and decode_location(text)
    end
    return registry[location]
end

local function count_locations()
    registered = registered or redis.call("HLEN", locations_key)
    return registered
end

-- Puts what the record says in the place of what the rules said of the location.
local function set_rule(location, record)
    local from, to = string.find(rules, "\n" .. location .. "=", 1, true)
    if from then
        local rest = string.find(rules, "\n", to + 1, true)
        rules = string.sub(rules, 1, from - 1) .. (rest and string.sub(rules, rest) or "")
    end
    if record.active == "0" or record.priority ~= PRIORITY_DEFAULT then
        rules = rules .. string.format("\n%s=%s=%d", location, record.active, record.priority)
    end
end

-- The one way the registry changes. A record without a version gets that of its own movement; one
-- that came back from the ledger may be ahead of that, and versions never go back.
local function put_location(location, record, context)
    seq = seq + 1
    movements[#movements + 1] =
        string.format("%d\tATTRIBUTE\t\t%s\t0\t0\t0\t0\t\t%s", seq, location, context)
    local known = registry[location] and registry[location].version or 0
    record.version = record.version or math.max(seq, known + 1)
    record.seq = seq
    if not registry[location] then
        registered = count_locations() + 1
    end
    if not (registry[location] and registry[location].seq) then
        changed_locations[#changed_locations + 1] = location
    end
    registry[location] = record
    set_rule(location, record)
end

-- Runs the verb for each item in order, and ends the batch.
local function answer_locations(items, verb)
    local replies, lines, fields = {}, {}, {}
    for i, item in ipairs(items) do
        replies[i] = verb(item)
    end
    for i, location in ipairs(changed_locations) do
        local record = registry[location]
        lines[i] = string.format("%d\t%s\t%s", record.seq, location, encode_location(record))
        fields[#fields + 1] = location
        fields[#fields + 1] = encode_location(record)
    end
    local function write()
        redis.call("HSET", locations_key, unpack(fields))
        redis.call("HSET", meta_key, "locations", rules)
        write_operations()
    end
    return close_batch(replies, { check = count_locations, write = write, locations = lines })
end
