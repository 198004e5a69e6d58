#!lua
-- Purpose: writes what is planned of a campaign, as a whole: of a new one, or of one that has not begun. Of one
--          that has, and is not over, it changes how many units one customer may have, where all else is as it is.
-- KEYS[1]  {pN}:meta (hash, rw); builds records:campaign (hash, rw), stock:<product> (hash, r),
--          limit:campaign:<id>:<product>:always (hash, w), operation:<key> (string, rw), journal (stream, w), batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: id, new (1) or known (0),
--          location, starts and ends (ms), hold seconds (0: as its caller asks), units of each product for one
--          customer (0: any number), name (a JSON string), products as product=quantity, between commas, operation key, payload, context.
-- Returns  a status line and a line for each item: scheduled <id> <record>, begun <id> <record> (it is too late for
--          that change), past (it would have ended), above_limit, no_product <product>, unknown (no such
--          campaign), replayed <reply>, key_reused. Or stale, superseded, full.
-- Cost     O(items × products), a read and a write of each operation key.
-- Retry    safe: the same id and operation key find what was written.
-- @include lib/campaigns.lua

local ITEM =
    "^([%w-]+)\t([01])\t([%w _.-]+)\t(%d+)\t(%d+)\t(%d+)\t(%d+)\t([^\t\n]+)\t([^\t\n]+)\t(%x*)\t(%x*)\t()"
local CAMPAIGN_PRODUCTS_MAX = 100 -- twin: CAMPAIGN_PRODUCTS_MAX in src/inventory/campaigns.ts

local function read_products(text)
    local lines, seen = {}, {}
    for product, quantity in string.gmatch(text, "([%w_.-]+)=(%d+)") do
        local units = tonumber(quantity)
        if seen[product] or units < 1 or units > QUANTITY_MAX then
            error("the products of a campaign cannot be read")
        end
        seen[product] = true
        lines[#lines + 1] = { product = product, quantity = units, fenced = 0 }
    end
    if #lines == 0 or #lines > CAMPAIGN_PRODUCTS_MAX then
        error("the products of a campaign cannot be read")
    end
    return lines
end

local items = {}
for i = 2, #ARGV do
    local id, new, location, starts, ends, seconds, units, name, products_text, key, payload, at =
        match(ARGV[i], ITEM)
    local item = {
        id = id,
        is_new = new == "1",
        location = location,
        starts = tonumber(starts),
        ends = tonumber(ends),
        seconds = tonumber(seconds),
        max_units = tonumber(units),
        name = name,
        key = key,
        payload = payload,
        context = read_context(ARGV[i], at),
    }
    item.lines = read_products(products_text)
    if item.starts >= item.ends then
        error("a campaign would end before it starts")
    elseif item.max_units > QUANTITY_MAX then
        error("a limit of a campaign is out of range")
    end
    items[i - 1] = item
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

local counts_from = 0 -- when a limit that this batch sets on begins to count (ms)

-- Whether nothing but the limit would be another: that can still be changed while it runs.
local function changes_limit_alone(campaign, item)
    local lines = campaigns.lines_of(campaign)
    local is_same = campaign.max_units ~= item.max_units
        and #lines == #item.lines
        and campaign.name == item.name
        and campaign.location == item.location
        and campaign.starts == item.starts
        and campaign.ends == item.ends
        and campaign.seconds == item.seconds
    for i, line in ipairs(item.lines) do
        local known = lines[i] or {}
        is_same = is_same and known.product == line.product and known.quantity == line.quantity
    end
    return is_same
end

-- One that is set on counts from the next millisecond: what was made in this one came before it.
local function change_limit(campaign, item)
    if item.max_units == 0 then
        forget_counts(campaign)
    elseif campaign.max_units == 0 then
        counts_from = now + 1
        campaign.since = counts_from
    end
    campaign.max_units = item.max_units
    put_campaign(campaign, item.context)
end

local function schedule(item)
    local earlier = earlier_reply(item.key, item.payload)
    if earlier then
        return earlier
    end
    local there = load_campaign(item.id)
    if there and (item.is_new or there.state ~= "scheduled" or there.starts <= now) then
        local is_over = there.state == "closed" or there.stopped > 0 or there.ends <= now
        if item.is_new or is_over or not changes_limit_alone(there, item) then
            return told("begun", there)
        end
        change_limit(there, item)
        return remember_reply(item.key, item.payload, told("scheduled", there))
    elseif not there and not item.is_new then
        return "unknown"
    elseif item.ends <= now then
        return "past"
    elseif not there and redis.call("HLEN", record_key(KIND)) + added >= CAMPAIGNS_MAX then
        return "above_limit"
    end
    for _, line in ipairs(item.lines) do
        if not load_product(line.product) then
            return "no_product\t" .. line.product
        end
    end
    added = added + (there and 0 or 1)
    local campaign = {
        id = item.id,
        state = "scheduled",
        location = item.location,
        starts = item.starts,
        ends = item.ends,
        seconds = item.seconds,
        stopped = 0,
        created = there and there.created or now,
        name = item.name,
        products = describe_lines(item.lines),
        max_units = item.max_units,
        since = 0,
    }
    put_campaign(campaign, item.context)
    return remember_reply(item.key, item.payload, told("scheduled", campaign))
end

return answer_campaigns(items, schedule, function()
    -- Time goes on to there, also where Redis's clock is behind it: whatever comes after counts.
    now = math.max(now, counts_from)
end)
