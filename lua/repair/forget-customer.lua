#!lua
-- Purpose: takes a customer whose id the ledger forgets out of what limits count: nothing is left that its id could
--          be tried on, and nothing that nobody can give back any more. It moves nothing.
-- KEYS[1]  {pN}:meta (hash, r); builds limit:product:<product>:always and limit:<rule>:<window> (hash, rw),
--          records:limit and records:campaign (hash, r).
-- ARGV     store id, hash of the customer, then products that have a limit of their own.
-- Returns  forgotten, or stale (not that store, or fenced).
-- Cost     O(products + limits with a name + products of campaigns that have a limit).
-- Retry    safe: what is gone is gone.
-- @include lib/repair-without-movement.lua

local HOUR_MS = 3600000
local HOLDS = ":holds" -- twin: HOLDS_FIELD in src/inventory/limits.ts
local HOURS = "^1\t%d+\t%d+\t%d+\t(%d+)\t" -- of lib/limit-record.lua
local PRODUCTS = "^2\t.*\t([^\t]+)\t%d+\t%d+$" -- of lib/campaign-record.lua

local customer = ARGV[2]
if not string.match(customer or "", "^%x+$") then
    error("who shall be forgotten cannot be read")
end
if is_strange() then
    return "stale"
end

local function forget(key)
    redis.call("HDEL", key, customer, customer .. HOLDS)
end

for i = 3, #ARGV do
    forget(limit_key(ARGV[i]))
end
-- The window that is now, by a clock that never goes back; earlier ones end by themselves.
local time = redis.call("TIME")
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
now = math.max(now, tonumber(redis.call("HGET", meta_key, "lastNow") or "") or 0)
local limits = redis.call("HGETALL", record_key("limit"))
for i = 1, #limits, 2 do
    local hours = tonumber(string.match(limits[i + 1], HOURS) or "0")
    local window = hours > 0 and string.format("%d", math.floor(now / (hours * HOUR_MS)))
    forget(rule_key(limits[i], window or "always"))
end
local campaigns = redis.call("HGETALL", record_key("campaign"))
for i = 1, #campaigns, 2 do
    local products = string.match(campaigns[i + 1], PRODUCTS) or ""
    for product in string.gmatch(products, "([^=,]+)=%d+=%d+") do
        forget(campaign_limit_key(campaigns[i], product))
    end
end
return "forgotten"
