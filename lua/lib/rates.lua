-- How many requests a customer or an address may make: the generic cell rate algorithm (GCRA). A key
-- has the time at which the whole quota will be there again, in microseconds (its words: the theoretical
-- arrival time); each request moves it on by one interval (the emission interval), and is refused where
-- that would be further ahead than one window (the burst tolerance).
-- Twin: src/redis/rates.ts.

local charges = {} -- of each identity, in their order: key, interval and window (µs), whole_at (µs)
local waits = {} -- by item: microseconds until there is room for it; none: it is not refused
local charged_at -- microseconds

-- text: a line `<identity>\t<interval>\t<window>` each, an empty line, and behind it the items that
-- are charged, `<item>=<place of an identity>,…` each. An item is charged to all of its, or to none.
local function charge_items(text, now_us)
    charged_at = now_us
    local identities, items = string.match(text, "^(.*)\n\n(.*)$")
    local keys = {}
    for name, interval, window in string.gmatch(identities or "", "([%w:]+)\t(%d+)\t(%d+)") do
        local charge = { interval = tonumber(interval), window = tonumber(window) }
        charge.key = rate_key(name)
        charges[#charges + 1] = charge
        keys[#keys + 1] = charge.key
    end
    if #keys == 0 then
        error("the charges of a batch cannot be read")
    end
    for i, text_of in ipairs(redis.call("MGET", unpack(keys))) do
        local charge = charges[i]
        local whole_at = tonumber(text_of or "") or now_us
        -- Not behind now, and never further ahead than requests may bring it, whatever stands there.
        if whole_at ~= whole_at then
            whole_at = now_us -- no number at all, as Lua has one
        end
        charge.whole_at = math.min(math.max(whole_at, now_us), now_us + charge.window)
    end
    for item, places in string.gmatch(items, "(%d+)=([%d,]+)") do
        local wait, asked = 0, {}
        for place in string.gmatch(places, "%d+") do
            local charge = charges[tonumber(place)]
            asked[#asked + 1] = charge
            wait = math.max(wait, charge.whole_at + charge.interval - charge.window - now_us)
        end
        for _, charge in ipairs(wait > 0 and {} or asked) do
            charge.whole_at = charge.whole_at + charge.interval
            charge.is_spent = true
        end
        waits[tonumber(item)] = wait > 0 and wait or nil
    end
end

-- The reply to an item that has to wait, nil for any other.
local function refusal_of(item)
    local wait = waits[item]
    return wait and "limited\t" .. decimal[math.ceil(wait / 1000)]
end

-- What each identity has left, in their order: `<requests>:<ms until the quota is whole>,…`.
local function encode_left()
    local left = {}
    for i, charge in ipairs(charges) do
        local ahead = charge.whole_at - charged_at
        local requests = math.max(0, math.floor((charge.window - ahead) / charge.interval))
        left[i] = decimal[requests] .. ":" .. decimal[math.ceil(ahead / 1000)]
    end
    return table.concat(left, ",")
end

-- Answers whether anybody was charged.
local function write_charges()
    local is_any = false
    for _, charge in ipairs(charges) do
        if charge.is_spent then
            is_any = true
            local ahead_ms = math.ceil((charge.whole_at - charged_at) / 1000)
            local whole_at = string.format("%d", charge.whole_at)
            redis.call("SET", charge.key, whole_at, "PX", ahead_ms)
        end
    end
    return is_any
end
