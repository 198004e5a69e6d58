-- The names of a partition's keys. KEYS[1] is its meta and routes the call; all others are built
-- from its tag, so they live on the same slot. Twin: src/redis/keys.ts (a test holds them together).
local meta_key = KEYS[1]
local tag = string.match(meta_key, "^({p%d+}:)meta$")
if not tag then
    error("KEYS[1] must be the meta key of a partition")
end

local journal_key = tag .. "journal"
local low_key = tag .. "low"
local locations_key = tag .. "locations"
local waited_key = tag .. "waited" -- products that somebody waits for; 1: units of it may be free
local waits_key = tag .. "waits" -- hash of a customer → places in line that it has
local limited_key = tag .. "limited" -- product → ids of the limits that name it, by comma

local function stock_key(product)
    return tag .. "stock:" .. product
end

local function reservation_key(owner)
    return tag .. "reservation:" .. owner
end

local function expiring_key(second)
    return tag .. "expiring:" .. string.format("%d", second)
end

local function batch_key(writer, slot)
    return tag .. "batch:" .. writer .. ":" .. slot
end

local function operation_key(key)
    return tag .. "operation:" .. key
end

local function return_key(owner)
    return tag .. "return:" .. owner
end

-- Of the limit that is a product's own, which has no window.
local function limit_key(product)
    return tag .. "limit:product:" .. product .. ":always"
end

-- Of a limit that has a name, in that window (a number, or `always`).
local function rule_key(id, window)
    return tag .. "limit:" .. id .. ":" .. window
end

-- Of the limit that a campaign has of its own, of one of its products. Its rule is what stands between.
local function campaign_limit_key(id, product)
    return rule_key("campaign:" .. id .. ":" .. product, "always")
end

-- What is kept beside stock, holds and locations, of that kind (lib/records.lua).
local function record_key(kind)
    return tag .. "records:" .. kind
end

-- Who waits for a product, in line: owners by the seq at which each joined.
local function waiting_key(product)
    return tag .. "waiting:" .. product
end

local function rate_key(identity)
    return tag .. "rate:" .. identity
end
