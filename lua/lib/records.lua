-- What a partition keeps beside stock, holds and locations: a record has a kind, an id, and one line of text
-- that its kind's own file reads and writes. Each change of one is a movement without a product, and a line
-- of the journal, so that the ledger has it and a rebuild brings it back.
-- @include lib/batch.lua

local kept_records = {} -- kind → id → text, or false when there is none
local changed_records = {} -- in order, each once: { kind, id }
local record_seqs = {} -- kind → id → seq of its last change in this batch

local function load_record(kind, id)
    local known = kept_records[kind]
    if not known then
        known = {}
        kept_records[kind] = known
    end
    if known[id] == nil then
        known[id] = redis.call("HGET", record_key(kind), id)
    end
    return known[id]
end

-- The one way a record changes; the text "" removes it.
local function put_record(kind, id, text, context)
    load_record(kind, id)
    seq = seq + 1
    movements[#movements + 1] = decimal[seq] .. "\tRECORD\t\t\t0\t0\t0\t0\t\t" .. context
    record_seqs[kind] = record_seqs[kind] or {}
    if not record_seqs[kind][id] then
        changed_records[#changed_records + 1] = { kind, id }
    end
    record_seqs[kind][id] = seq
    kept_records[kind][id] = text ~= "" and text
end

-- For the journal: seq, kind, id, text of each record that changed, as it is after the batch.
local function record_lines()
    local lines = {}
    for i, changed in ipairs(changed_records) do
        local kind, id = changed[1], changed[2]
        local text = kept_records[kind][id] or ""
        lines[i] = decimal[record_seqs[kind][id]] .. "\t" .. kind .. "\t" .. id .. "\t" .. text
    end
    return lines
end

local function write_records()
    for _, changed in ipairs(changed_records) do
        local kind, id = changed[1], changed[2]
        local text = kept_records[kind][id]
        if text then
            redis.call("HSET", record_key(kind), id, text)
        else
            redis.call("HDEL", record_key(kind), id)
        end
    end
end
