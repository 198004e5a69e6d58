#!lua flags=no-writes,allow-cross-slot-keys
-- Purpose: answers all that this Redis holds, for a test that compares it with a model.
-- KEYS     none.
-- ARGV     by turns: key of a journal, and the id behind which its entries are read.
-- Returns  an array: seconds and microseconds of the clock, then for each key its name, type, time
--          to live in milliseconds (-1: none) and value; of long answers (batch, operation) the SHA-1.
-- Cost     O(keys).
-- Retry    safe.

local after = {}
for i = 1, #ARGV, 2 do
    after[ARGV[i]] = "(" .. ARGV[i + 1]
end

local read = {
    string = function(key)
        local text = redis.call("GET", key)
        local is_long = string.match(key, "^{p%d+}:batch:") or string.match(key, "^{p%d+}:operation:")
        return is_long and redis.sha1hex(text) or text
    end,
    hash = function(key)
        return redis.call("HGETALL", key)
    end,
    list = function(key)
        return redis.call("LRANGE", key, 0, -1)
    end,
    zset = function(key)
        return redis.call("ZRANGE", key, 0, -1, "WITHSCORES")
    end,
    stream = function(key)
        return redis.call("XRANGE", key, after[key] or "-", "+")
    end,
}

local time = redis.call("TIME")
local all = { time[1], time[2] }
for _, key in ipairs(redis.call("KEYS", "*")) do
    local kind = redis.call("TYPE", key).ok
    all[#all + 1] = key
    all[#all + 1] = kind
    all[#all + 1] = redis.call("PTTL", key)
    all[#all + 1] = read[kind] and read[kind](key) or "a type that nothing of ours has"
end
return all
