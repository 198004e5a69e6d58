#!lua
-- Purpose: holds what is derived from who waits for a product against the records, and makes it anew: its line,
--          how many it has, and whether it is one that somebody waits for. It moves nothing.
-- KEYS[1]  {pN}:meta (hash, r); builds records:waiting (hash, r), waiting:<product> (zset, rw),
--          stock:<product> (hash, rw), waited (zset, rw).
-- ARGV     store id, look|mend, product, then owners that may have a place, beside those in line.
-- Returns  exact, differs (what is derived is not what the records say), repaired, or stale (not that store, or
--          fenced).
-- Cost     O(places of the product), at most WAITING_MAX of lib/waiting.lua.
-- Retry    safe: the same is written again.
-- @include lib/repair-without-movement.lua

local IDS_AT_ONCE = 1000 -- ids of one command, far below the 8 000 where `unpack` ends
local JOINED = "^1\t%w+\t%d+\t%d+\t%d+\t(%d+)\t"

local how, product = ARGV[2], ARGV[3]
if (how ~= "look" and how ~= "mend") or not string.match(product or "", "^[%w_.-]+$") then
    error("the repair of a line cannot be read")
end
if is_strange() then
    return "stale"
end

local found, owners, named = {}, {}, {}
local function name(owner)
    if not named[owner] then
        named[owner] = true
        owners[#owners + 1] = owner
    end
end
local line = redis.call("ZRANGE", waiting_key(product), 0, -1, "WITHSCORES")
for i = 1, #line, 2 do
    found[line[i]] = line[i + 1]
    name(line[i])
end
for i = 4, #ARGV do
    name(ARGV[i])
end

-- A place of a product that is not there is nobody's.
local is_there = redis.call("HEXISTS", stock_key(product), "seq") == 1
local places, count, is_exact = {}, 0, true
for first = 1, #owners, IDS_AT_ONCE do
    local last = math.min(first + IDS_AT_ONCE - 1, #owners)
    local ids = {}
    for i = first, last do
        ids[#ids + 1] = product .. "/" .. owners[i]
    end
    for i, text in ipairs(redis.call("HMGET", record_key("waiting"), unpack(ids))) do
        local owner = owners[first + i - 1]
        places[owner] = is_there and text and string.match(text, JOINED)
        count = count + (places[owner] and 1 or 0)
        is_exact = is_exact and (places[owner] or nil) == found[owner]
    end
end

local field = redis.call("HGET", stock_key(product), "waiting")
local wanted = count > 0 and string.format("%d", count) or false
local is_waited = redis.call("ZSCORE", waited_key, product) ~= false
is_exact = is_exact and field == wanted and is_waited == (count > 0)
if is_exact or how == "look" then
    return is_exact and "exact" or "differs"
end
for _, owner in ipairs(owners) do
    if places[owner] then
        redis.call("ZADD", waiting_key(product), places[owner], owner)
    else
        redis.call("ZREM", waiting_key(product), owner)
    end
end
if count > 0 then
    redis.call("HSET", stock_key(product), "waiting", wanted)
    redis.call("ZADD", waited_key, "1", product)
else
    redis.call("HDEL", stock_key(product), "waiting")
    redis.call("ZREM", waited_key, product)
end
return "repaired"
