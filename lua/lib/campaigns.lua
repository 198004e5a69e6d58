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

local function fence_at(campaign)
    return campaign.location .. FENCE_SIGN .. campaign.id
end

local function context_of(campaign, reason)
    local text = '{"actor":"system:campaigns","reason":"%s","reference":"campaign:%s"}'
    return string.format(text, reason, campaign.id)
end

local function transfer(product, from, to, units, context)
    move("TRANSFER", product, from, -units, 0, "", context)
    move("TRANSFER", product, to, units, 0, "", context)
end

local function describe_lines(lines)
    local texts = {}
    for i, line in ipairs(lines) do
        texts[i] = line.product .. "=" .. decimal[line.quantity] .. "=" .. decimal[line.fenced]
    end
    return table.concat(texts, ",")
end

-- Units that an ordinary sale at its location could take: never those of the safety stock.
local function sparable(campaign, product)
    local level = product.levels[campaign.location]
    if not level or level.is_idle or #product.locations >= LOCATIONS_MAX then
        return 0
    end
    return math.max(0, math.min(level.on_hand - level.reserved, available(product)))
end

-- Answers "due", and changes nothing, where units that are short may be due for release.
local function start_campaign(campaign)
    local lines, is_short = campaigns.lines_of(campaign), false
    for _, line in ipairs(lines) do
        local product = load_whole(line.product)
        local units = product and sparable(campaign, product) or 0
        line.fenced = math.min(line.quantity, units)
        is_short = is_short or line.fenced < line.quantity
    end
    if is_short and swept < math.floor(now / 1000) then
        return "due"
    end
    local fence, context = fence_at(campaign), context_of(campaign, "campaign_started")
    for _, line in ipairs(lines) do
        if line.fenced > 0 then
            local product = products[line.product]
            product.has_fences = true
            make_level(product, fence)
            transfer(product, campaign.location, fence, line.fenced, context)
        end
    end
    campaign.state, campaign.products = "running", describe_lines(lines)
    put_campaign(campaign, context)
    return nil
end

-- An empty level leaves the product: it may have no more than so many.
local function drop_level(product, location, context)
    if not product.changed then
        move("ATTRIBUTE", product, location, 0, 0, "", context) -- the ledger hears of it with a seq
    end
    local left = {}
    for _, one in ipairs(product.locations) do
        if one ~= location then
            left[#left + 1] = one
        end
    end
    product.locations = left
    product.levels[location] = nil
    product.attributes["onHand:" .. location] = nil
    product.attributes["reserved:" .. location] = nil
    amend_fields(product, { locations = table.concat(left, ",") })
    lost_levels[#lost_levels + 1] = { product.id, location }
end

-- What nobody holds goes back; what is held stays until its hold ends, and goes back by a later turn.
local function end_campaign(campaign)
    local fence, context = fence_at(campaign), context_of(campaign, "campaign_ended")
    local is_empty = true
    for _, line in ipairs(campaigns.lines_of(campaign)) do
        local product = load_whole(line.product)
        local level = product and product.levels[fence]
        if level then
            local room = STOCK_MAX - level_of(product, campaign.location).on_hand
            local units = math.min(level.on_hand - level.reserved, room)
            if units > 0 then
                transfer(product, fence, campaign.location, units, context)
            end
            if level.on_hand == 0 then
                drop_level(product, fence, context)
            else
                is_empty = false
            end
        end
    end
    if is_empty then
        campaign.state = "closed"
        put_campaign(campaign, context)
    end
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
