#!lua
-- Purpose: holds how many places in line a customer has against its records, and sets it to that. It moves nothing.
-- KEYS[1]  {pN}:meta (hash, r); builds waits (hash, rw), records:waiting (hash, r), waited (zset, r),
--          waiting:<product> (zset, r).
-- ARGV     store id, look|mend, hash of the customer, a seq, then ids of the records that it had by then, all of
--          them, or more: those of who joined since are found here.
-- Returns  exact, differs (it has another number of places), repaired, or stale (not that store, or fenced).
-- Cost     O(ids + products that somebody waits for + places that were joined since).
-- Retry    safe: the same is written again.
-- @include lib/repair-without-movement.lua

local CUSTOMER_DIGITS = 32 -- of the hash that stands for a customer; twin: src/inventory/limits.ts
local IDS_AT_ONCE = 1000 -- ids of one command, far below the 8 000 where `unpack` ends
local CUSTOMER = "^1\t%w+\t%d+\t%d+\t%d+\t%d+\t([^\t]+)\t" -- of lib/waiting.lua

local how, customer, since = ARGV[2], ARGV[3], ARGV[4]
if
    (how ~= "look" and how ~= "mend")
    or not string.match(customer, "^%x+$")
    or not string.match(since or "", "^%d+$")
then
    error("the repair of places in line cannot be read")
end
if is_strange() then
    return "stale"
end

local ids, named = {}, {}
local function name(id)
    if not named[id] then
        named[id] = true
        ids[#ids + 1] = id
    end
end
for i = 5, #ARGV do
    name(ARGV[i])
end
for _, product in ipairs(redis.call("ZRANGE", waited_key, 0, -1)) do
    local joined = redis.call("ZRANGEBYSCORE", waiting_key(product), "(" .. since, "+inf")
    for _, owner in ipairs(joined) do
        name(product .. "/" .. owner)
    end
end

local count = 0
for first = 1, #ids, IDS_AT_ONCE do
    local last = math.min(first + IDS_AT_ONCE - 1, #ids)
    local texts = redis.call("HMGET", record_key("waiting"), unpack(ids, first, last))
    for _, text in ipairs(texts) do
        local whose = text and string.match(text, CUSTOMER)
        if whose and string.sub(redis.sha1hex(whose), 1, CUSTOMER_DIGITS) == customer then
            count = count + 1
        end
    end
end

local found = redis.call("HGET", waits_key, customer)
local wanted = count > 0 and string.format("%d", count) or false
if found == wanted or how == "look" then
    return found == wanted and "exact" or "differs"
end
if wanted then
    redis.call("HSET", waits_key, customer, wanted)
else
    redis.call("HDEL", waits_key, customer)
end
return "repaired"
