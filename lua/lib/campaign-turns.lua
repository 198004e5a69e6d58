-- The start and the end of a campaign: what stands aside, and what goes back.
-- @include lib/campaigns.lua

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
