-- What repairs share that are no movement: they touch this store's partition alone, and no fenced one.
-- ARGV[1] is the store id.
-- @include lib/keys.lua

local meta = redis.call("HMGET", meta_key, "storeId", "fence", "swept")

local function is_strange()
    return meta[1] ~= ARGV[1] or meta[2] or not tonumber(meta[3])
end

-- Makes sure that a hold is released when it is due.
local function list_due(owner, second)
    if not redis.call("LPOS", expiring_key(second), owner) then
        redis.call("RPUSH", expiring_key(second), owner)
    end
    if tonumber(meta[3]) >= second then
        meta[3] = string.format("%d", second - 1)
        redis.call("HSET", meta_key, "swept", meta[3])
    end
end
