-- Idempotency-Keys: what a call under a key answered is what its repeats hear, whatever happened
-- since. Only calls that changed something are kept: the others may be decided anew.
-- @include lib/commit.lua

local OPERATION_KEEP_SECONDS = 86400

local operations = {} -- key → { payload, reply }, or false
local new_operations = {}

-- What an earlier call under the same key answered: nil, the reply as a replay, or "key_reused".
-- Keys are "" when the caller gave none.
local function earlier_reply(key, payload)
    if key == "" then
        return nil
    end
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

local function remember_reply(key, payload, reply)
    if key ~= "" then
        operations[key] = { payload = payload, reply = reply }
        new_operations[#new_operations + 1] = key
    end
    return reply
end

local function write_operations()
    for _, key in ipairs(new_operations) do
        local operation = operations[key]
        local text = operation.payload .. "\t" .. operation.reply
        redis.call("SET", operation_key(key), text, "EX", OPERATION_KEEP_SECONDS)
    end
end
