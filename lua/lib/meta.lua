-- What the meta says to those who judge a partition, and the fence of one that nobody may use.
-- @include lib/keys.lua

local NUMBERS = { "epoch", "seq", "beganAt", "lastNow", "swept", "drained" }

local function is_number(text)
    return text and string.match(text, "^%d+$") ~= nil
end

-- Its fields, nil for what is not there. Of a partition that has begun all its numbers are: one that
-- is no number or gone (a turned bit, a hand) makes it damaged, as does what cannot be.
local function read_meta()
    local names = { "storeId", "runId", "fence", "rebuilt", unpack(NUMBERS) }
    local values = redis.call("HMGET", meta_key, unpack(names))
    local meta = {}
    local has_any = false
    for i, name in ipairs(names) do
        meta[name] = values[i] or nil
        has_any = has_any or values[i] ~= false
    end
    meta.is_damaged = has_any and not (meta.storeId and is_number(meta.rebuilt or "0"))
    for _, name in ipairs(NUMBERS) do
        meta.is_damaged = meta.is_damaged or (has_any and not is_number(meta[name]))
    end
    if has_any and not meta.is_damaged then
        local seq = tonumber(meta.seq)
        meta.is_damaged = tonumber(meta.drained) > seq or tonumber(meta.beganAt) > seq
    end
    return meta
end

-- What cannot be read is gone then: nobody meets it again.
local function forget_unreadable(meta)
    for _, name in ipairs({ "rebuilt", unpack(NUMBERS) }) do
        if meta[name] and not is_number(meta[name]) then
            redis.call("HDEL", meta_key, name)
            meta[name] = nil
        end
    end
end

-- Stops every process until the partition is rebuilt. known_seq: what it should have at least.
local function fence_partition(meta, store_id, known_seq)
    forget_unreadable(meta)
    meta.seq = meta.seq or "0"
    local fence = string.format("behind:%d", known_seq)
    redis.call("HSET", meta_key, "storeId", store_id, "seq", meta.seq, "fence", fence)
end
