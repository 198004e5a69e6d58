-- Rules of how many units one customer may have: a product's own, those over a group of products, and those
-- over all. A rule counts from when it was set on, and one with a window from when that began: windows are
-- fixed intervals of Redis's clock, and nothing that an earlier one counts matters any more. And a campaign's own,
-- of each of its products: it counts what moves at the ring-fence, and ends with the campaign.
-- @include lib/batch.lua

-- Made with the first product that may have a rule; it uses nothing of lib/library.lua: whatever else a
-- script begins with costs each of its calls.
local function make_rules()
    local HOUR_MS = 3600000
    local RECORD = "^1\t(%d+)\t%d+\t(%d+)\t(%d+)\t(%l+)\t(%d*)\t" -- of lib/limit-record.lua
    local CAMPAIGN = "^2\t%l+\t[^\t]+\t%d+\t(%d+)\t%d+\t(%d+)\t.*\t(%d+)\t(%d+)$" -- of lib/campaign-record.lua
    local campaign_limits = {} -- id → limit of that campaign, or false
    local met = {} -- rules that this batch met
    local named = {} -- id → rule that has a record, or false
    local memberships = {} -- product → ids of the rules over it, each between commas

    local function new_rule(key, units, since)
        local rule = { key = key, max_units = units, since = since, counts = {}, changed = {} }
        met[#met + 1] = rule
        return rule
    end

    local function ids_of(product)
        local ids = memberships[product]
        if not ids then
            local own = redis.call("HGET", limited_key, product) or ""
            ids = "," .. limit_ids .. "," .. own .. ","
            memberships[product] = ids
        end
        return ids
    end

    local function named_rule(id)
        if named[id] ~= nil then
            return named[id]
        end
        local text = redis.call("HGET", record_key("limit"), id)
        if not text then
            named[id] = false
            return false
        end
        local since, units, hours, counts, holds = string.match(text, RECORD)
        if not since then
            error("the record of a limit cannot be read")
        end
        local window_ms = tonumber(hours) * HOUR_MS
        local window = window_ms > 0 and math.floor(now / window_ms)
        local began = window and window * window_ms or 0
        local key = rule_key(id, window and decimal[window] or "always")
        local rule = new_rule(key, tonumber(units), math.max(tonumber(since), began))
        rule.id = id
        rule.ends = window and began + window_ms
        rule.is_of_held = counts == "held"
        rule.max_holds = tonumber(holds)
        named[id] = rule
        return rule
    end

    -- The rules of a product; units: how many its own allows ("" or nothing: it has none). That one begins
    -- with the product where nobody said since when it is there.
    local function rules_of(product, units)
        local own = {}
        if units and units ~= "" then
            local since = redis.call("HMGET", stock_key(product.id), "limitSince", "createdAt")
            local from = tonumber(since[1] or "") or tonumber(since[2] or "") or 0
            own[1] = new_rule(limit_key(product.id), tonumber(units) or math.huge, from)
            own[1].product = product.id
        end
        if limit_ids then
            for id in string.gmatch(ids_of(product.id), "[^,]+") do
                own[#own + 1] = named_rule(id) or nil
            end
        end
        return own
    end

    -- What a campaign says of its own limit (lib/campaign-record.lua); false: it has none, or is over.
    local function limit_of_campaign(id)
        if campaign_limits[id] == nil then
            local text = redis.call("HGET", record_key("campaign"), id) or ""
            local ends, stopped, units, since = string.match(text, CAMPAIGN)
            if not ends and string.sub(text, 1, 2) == "2\t" then
                error("the record of a campaign cannot be read")
            end
            local is_over = stopped ~= "0" or tonumber(ends) <= now
            campaign_limits[id] = not is_over
                and { ends = tonumber(ends), units = tonumber(units), since = tonumber(since) }
        end
        return campaign_limits[id]
    end

    -- Rules of campaigns that have units of the product for themselves, to the others that it has.
    local function add_fences(product)
        for _, location in ipairs(product.locations) do
            local id = string.match(location, "~(.+)$")
            local limit = id and limit_of_campaign(id)
            if limit then
                local rule = new_rule(campaign_limit_key(id, product.id), limit.units, limit.since)
                rule.campaign, rule.product, rule.location = id, product.id, location
                rule.ends = limit.ends
                product.rules = product.rules or {}
                product.rules[#product.rules + 1] = rule
            end
        end
    end

    -- Whether the rule is over units of that product at that location.
    local function is_over(rule, product, location)
        if rule.product then
            return rule.product == product and (not rule.location or rule.location == location)
        end
        return string.find(ids_of(product), "," .. rule.id .. ",", 1, true) ~= nil
    end

    return { met = met, of = rules_of, add_fences = add_fences, is_over = is_over }
end
