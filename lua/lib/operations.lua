-- Idempotency-Keys: what a call under a key answered is what its repeats hear, whatever happened
-- since. Kept are calls that changed something, and a reserve that found its hold as it was asked for;
-- all others, refusals above all, may be decided anew. Each key costs a read, and a write when it is
-- kept: one read for all of them would take a key of a wrong type for one that is not there.
-- A caller's key is a hash in hex. Scripts keep answers of their own beside them, under names that no hash
-- has: `<owner>-<generation>`, how that hold ended where its record cannot tell (confirm: as what it was sold
-- after it had expired; reassign: whose it became; a generation ends once, so it is one of the two, and the
-- hash of a request of the one is never that of the other), and `<owner>-<generation>-extended` (extend: how
-- often).
-- @include lib/commit.lua

local OPERATION_KEEP_SECONDS = 86400

local operations = {} -- key → { payload, reply }, or false
local new_operations = {}

-- Two names of one operation come as one text: the keys in a row, and so their payloads.
local TWO_KEYS, KEY_LENGTH, PAYLOAD_LENGTH = 64, 32, 16

local function earlier_reply_under(key, payload)
    if operations[key] == nil then
        local kept = redis.call("GET", operation_key(key))
        operations[key] = false
        if kept then
            local kept_payload, reply = string.match(kept, "^(%x+)\t(.*)$")
            operations[key] = { payload = kept_payload, reply = reply }
        end
    end
    local earlier = operations[key]
    if not earlier then
        return nil
    end
    return earlier.payload == payload and "replayed\t" .. earlier.reply or "key_reused"
end

local function split(key, payload)
    return string.sub(key, 1, KEY_LENGTH),
        string.sub(payload, 1, PAYLOAD_LENGTH),
        string.sub(key, KEY_LENGTH + 1),
        string.sub(payload, PAYLOAD_LENGTH + 1)
end

-- What an earlier call under the same key answered: nil, the reply as a replay, or "key_reused".
-- Keys are "" when the caller gave none. Of two names the first is asked first.
local function earlier_reply(key, payload)
    if key == "" then
        return nil
    elseif #key ~= TWO_KEYS then
        return earlier_reply_under(key, payload)
    end
    local first, first_payload, second, second_payload = split(key, payload)
    return earlier_reply_under(first, first_payload) or earlier_reply_under(second, second_payload)
end

local function remember_under(key, payload, reply)
    operations[key] = { payload = payload, reply = reply }
    new_operations[#new_operations + 1] = key
end

local function remember_reply(key, payload, reply)
    if #key == TWO_KEYS then
        local first, first_payload, second, second_payload = split(key, payload)
        remember_under(first, first_payload, reply)
        remember_under(second, second_payload, reply)
    elseif key ~= "" then
        remember_under(key, payload, reply)
    end
    return reply
end

local function text_of(operation)
    return operation.payload .. "\t" .. operation.reply
end

-- Key, and what stands under it: the ledger has both, for what is rebuilt from it.
operation_lines = function()
    local lines = {}
    for i, key in ipairs(new_operations) do
        lines[i] = key .. "\t" .. text_of(operations[key])
    end
    return lines
end

local function write_operations()
    for _, key in ipairs(new_operations) do
        local text = text_of(operations[key])
        redis.call("SET", operation_key(key), text, "EX", decimal[OPERATION_KEEP_SECONDS])
    end
end
