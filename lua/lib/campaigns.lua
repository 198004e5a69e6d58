-- Campaigns as records that change, and their ring-fences: levels of their own beside the locations that the
-- units come from and go back to. What moves them is two TRANSFERs, so that everybody's sums hold.
-- @include lib/products.lua
-- @include lib/records.lua
-- @include lib/campaign-record.lua

local KIND = "campaign"
local CAMPAIGNS_MAX = 100 -- of a partition; those that are over count until they are removed

local campaigns = make_campaigns()
local opened = {} -- id → campaign as this batch has it, or false
local lost_levels = {} -- { product, location }: what a product has no more
local ended_counts = {} -- keys of what customers had under a campaign's limit, which count no more
local added = 0 -- campaigns that are new in this batch, less those that were removed

local function load_campaign(id)
    if opened[id] == nil then
        local text = load_record(KIND, id)
        opened[id] = text and campaigns.decode(id, text)
    end
    return opened[id]
end

local function encode_campaign(campaign)
    local has_limit = campaign.max_units > 0
    local counts = { campaign.starts, campaign.ends, campaign.seconds }
    for _, moment in ipairs({ campaign.stopped, campaign.created, campaign.updated }) do
        counts[#counts + 1] = moment
    end
    for i, count in ipairs(counts) do
        counts[i] = decimal[count]
    end
    local limit = has_limit and { decimal[campaign.max_units], decimal[campaign.since] } or {}
    return table.concat({
        has_limit and "2" or "1",
        campaign.state,
        campaign.location,
        table.concat(counts, "\t"),
        campaign.name,
        campaign.products,
        unpack(limit),
    }, "\t")
end

-- What it counts by customer is asked for no more. Of one that ends in its time they end with it.
local function forget_counts(campaign)
    for _, line in ipairs(campaign.max_units > 0 and campaigns.lines_of(campaign) or {}) do
        ended_counts[#ended_counts + 1] = campaign_limit_key(campaign.id, line.product)
    end
end

local function put_campaign(campaign, context)
    campaign.updated = now
    campaign.text = encode_campaign(campaign)
    opened[campaign.id] = campaign
    put_record(KIND, campaign.id, campaign.text, context)
end

-- With its id: a repeat of what made it does not know it.
local function told(word, campaign)
    return word .. "\t" .. campaign.id .. "\t" .. campaign.text
end

local function describe_lines(lines)
    local texts = {}
    for i, line in ipairs(lines) do
        texts[i] = line.product .. "=" .. decimal[line.quantity] .. "=" .. decimal[line.fenced]
    end
    return table.concat(texts, ",")
end

-- Runs the verb for each item in order, and ends the batch. write_more() ends what it writes.
local function answer_campaigns(items, verb, write_more)
    local replies, lines = {}, {}
    for i, item in ipairs(items) do
        replies[i] = verb(item)
    end
    for i, product in ipairs(amended) do
        lines[i] = encode_product(product)
    end
    local function check()
        redis.call("HLEN", record_key(KIND))
    end
    local function write()
        for _, lost in ipairs(lost_levels) do
            local product, location = lost[1], lost[2]
            redis.call("HDEL", stock_key(product), "onHand:" .. location, "reserved:" .. location)
        end
        for _, key in ipairs(ended_counts) do
            redis.call("UNLINK", key)
        end
        write_operations()
        write_records()
        if write_more then
            write_more()
        end
    end
    local part = { check = check, write = write, products = lines, records = record_lines() }
    return close_batch(replies, part)
end
