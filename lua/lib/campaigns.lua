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
local added = 0 -- campaigns that are new in this batch, less those that were removed

local function load_campaign(id)
    if opened[id] == nil then
        local text = load_record(KIND, id)
        opened[id] = text and campaigns.decode(id, text)
    end
    return opened[id]
end

local function encode_campaign(campaign)
    local counts = { campaign.starts, campaign.ends, campaign.seconds }
    for _, moment in ipairs({ campaign.stopped, campaign.created, campaign.updated }) do
        counts[#counts + 1] = moment
    end
    for i, count in ipairs(counts) do
        counts[i] = decimal[count]
    end
    return table.concat({
        "1",
        campaign.state,
        campaign.location,
        table.concat(counts, "\t"),
        campaign.name,
        campaign.products,
    }, "\t")
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

-- Runs the verb for each item in order, and ends the batch.
local function answer_campaigns(items, verb)
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
        write_operations()
        write_records()
    end
    local part = { check = check, write = write, products = lines, records = record_lines() }
    return close_batch(replies, part)
end
