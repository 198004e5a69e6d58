-- A partition that is rebuilt: its fence names who rebuilds it, until when, and the seq that is known to
-- be missing; empty: it was open.
-- @include lib/keys.lua

local function now_ms()
    local time = redis.call("TIME")
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- What a fence says of a rebuild; nil when it says nothing of one.
local function read_claim(fence)
    local token, until_ms, missing = string.match(fence or "", "^rebuild:(%w+):(%d+):(%d*)$")
    return token and { token = token, until_ms = tonumber(until_ms), missing = missing }
end

local function write_claim(token, lasts_ms, missing)
    local fence = string.format("rebuild:%s:%d:%s", token, now_ms() + lasts_ms, missing)
    redis.call("HSET", meta_key, "fence", fence)
end

-- The claim of that token, or nil when it is another's or gone.
local function claim_of(token)
    local claim = read_claim(redis.call("HGET", meta_key, "fence"))
    return claim and claim.token == token and claim or nil
end
