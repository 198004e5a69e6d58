#!lua flags=no-writes
-- Purpose: tells when the next live hold of each product is due, for who was refused.
-- KEYS[1]  {pN}:meta (hash, r); builds expiring:<second> (list, r), reservation:<owner> (string, r).
-- ARGV     ids of products.
-- Returns  for each product the second (epoch, this server's clock), or "" when none of the next
--          HOLDS_MAX holds of the next SECONDS_MAX seconds has any of it.
-- Cost     at most HOLDS_MAX records, a look at each of SECONDS_MAX seconds (2 ms when all are empty).
-- Retry    safe: it reads.
-- @include lib/wheel.lua

local HOLDS_MAX = 128
local SECONDS_MAX = 2000

local time = redis.call("TIME")
local first = tonumber(time[1]) + 1
local last = first + SECONDS_MAX - 1

local found = {}

-- Notes the second for each product that a live record due in it still holds.
local function look_at(record, second)
    local state, due, lines =
        string.match(record, "^1\t%w+\t(%u+)\t[%l_]*\t(%d+)\t%d+\t%d+\t([^\t]*)\t")
    if state ~= "ACTIVE" or tonumber(due) ~= second then
        return
    end
    for product, held in string.gmatch(lines, "([^=,]+)=[^=,]+=(%d+)=") do
        if held ~= "0" and not found[product] then
            found[product] = due
        end
    end
end

local left = HOLDS_MAX
local second, looked_until = first, first - 1
while second <= last and left > 0 do
    if second > looked_until then
        -- Whole windows without any hold are passed over; inside one, second by second.
        second = skip_empty(second, last, SECONDS_MAX)
        looked_until = second + WINDOW_SECONDS - 1
    end
    local owners = redis.call("LRANGE", expiring_key(second), 0, left - 1)
    if #owners > 0 then
        local keys = {}
        for i, owner in ipairs(owners) do
            keys[i] = reservation_key(owner)
        end
        for _, record in ipairs(redis.call("MGET", unpack(keys))) do
            if record then
                look_at(record, second)
            end
        end
        left = left - #owners
        local missing = 0
        for _, product in ipairs(ARGV) do
            missing = missing + (found[product] and 0 or 1)
        end
        if missing == 0 then
            break
        end
    end
    second = second + 1
end

local answers = {}
for i, product in ipairs(ARGV) do
    answers[i] = found[product] or ""
end
return answers
