-- The record of a campaign (lib/records.lua): tab-separated text, format 1:
-- 1, state, location, starts, ends, hold seconds (0: as its caller asks), stopped (0: it was not), created,
-- updated, name (a JSON string), products. Times are milliseconds. A product is product=quantity=units that
-- were ring-fenced, between commas. Format 2, of one that has a limit for each customer: 2, the same, then how
-- many units of each product, and since when they count (0: from its start).
-- States: scheduled (it has not begun), running (its units stand in ring-fences, also those that come back),
-- closed (none does any more). Whether it is open the times and the clock say.
-- Twin: src/redis/campaign-record.ts. Made when a batch first meets a campaign, as lib/limits.lua is.

local function make_campaigns()
    local RECORD =
        "^([12])\t(%l+)\t([%w _.-]+)\t(%d+)\t(%d+)\t(%d+)\t(%d+)\t(%d+)\t(%d+)\t([^\t\n]+)\t([^\t\n]+)(.*)$"
    local LIMIT = "^\t(%d+)\t(%d+)$" -- behind it, in format 2
    local LINE_OF_CAMPAIGN = "([%w_.-]+)=(%d+)=(%d+)"
    local known = {} -- id → campaign as it was read, or false

    local function decode(id, text)
        local campaign = { id = id, text = text }
        local version, starts, ends, seconds, stopped, created, updated, rest
        version, campaign.state, campaign.location, starts, ends, seconds, stopped, created, updated, campaign.name, campaign.products, rest =
            string.match(text, RECORD)
        local units, since = string.match(rest or "", LIMIT)
        if
            not campaign.state
            or (version == "2" and not units)
            or (version == "1" and rest ~= "")
        then
            error("the record of a campaign cannot be read")
        end
        campaign.max_units, campaign.since = tonumber(units or 0), tonumber(since or 0)
        campaign.starts, campaign.ends = tonumber(starts), tonumber(ends)
        campaign.seconds, campaign.stopped = tonumber(seconds), tonumber(stopped)
        campaign.created, campaign.updated = tonumber(created), tonumber(updated)
        return campaign
    end

    -- For who only asks; who changes one reads it as a record.
    local function read(id)
        if known[id] == nil then
            local text = redis.call("HGET", record_key("campaign"), id)
            known[id] = text and decode(id, text)
        end
        return known[id]
    end

    local function lines_of(campaign)
        local lines = {}
        for product, quantity, fenced in string.gmatch(campaign.products, LINE_OF_CAMPAIGN) do
            lines[#lines + 1] = {
                product = product,
                quantity = tonumber(quantity),
                fenced = tonumber(fenced),
            }
        end
        return lines
    end

    local function has(campaign, product)
        return string.find("," .. campaign.products, "," .. product .. "=", 1, true) ~= nil
    end

    -- Why nothing is had of it now; nil: it is open.
    local function refusal_at(campaign, moment)
        local ends = string.format("%d", campaign.ends)
        if campaign.stopped > 0 then
            return "campaign_stopped\t" .. ends
        elseif campaign.ends <= moment then
            return "campaign_ended\t" .. ends
        elseif campaign.starts > moment then
            return "campaign_not_started\t" .. string.format("%d", campaign.starts)
        end
        return campaign.state == "scheduled" and "campaign_due" or nil
    end

    return { decode = decode, read = read, lines_of = lines_of, has = has, refusal_at = refusal_at }
end
