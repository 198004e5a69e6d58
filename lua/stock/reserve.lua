#!lua
-- Purpose: holds units of one or more products for an owner until a due time, or for good. Reserving
--          again replaces the hold of that owner in one step.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), reservation:<owner> (string, rw),
--          limit:<rule>:<window> (hash, rw), limited (hash, r), records:limit (hash, r),
--          operation:<key> (string, rw), expiring:<second> (list, rw), low (zset, rw), waited (zset, rw),
--          journal (stream, w), records:campaign (hash, r), batch:<writer>:<slot> (string, rw),
--          rate:<identity> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: owner, generation, hold
--          seconds (0: a standing hold), flags, lines `product=quantity=location,` (location empty:
--          any), operation key, payload, customer and order (JSON strings), context.
--          Flags: b (best effort: what can be had of each line, not all or nothing), d (dry run:
--          decide and change nothing), a (add to the owner's live hold instead of replacing it; the
--          answer ends with the stock of the first product: encode_stock). Behind them `/<campaign>`:
--          the units come out of its ring-fences, whatever its lines say of locations.
-- Returns  a status line and a line for each item: reserved|held|confirmed <head of the record>,
--          reserved_partly|held_partly <short lines: lib/measure.lua> <head of the record>,
--          insufficient <short lines>, above_quota <those short lines that ask for more than their
--          customer may have: they are told before what is not there>, unknown <product>,
--          campaign_unknown, campaign_lacks <product>, campaign_not_started <starts>,
--          campaign_ended|campaign_stopped <ends>, campaign_due (run turn, then ask again),
--          possible <product=units,…> <short lines>, replayed <reply>, key_reused, limited <ms until there is room>,
--          due (units may be due: run expire, then ask again). Or stale, superseded, full.
-- Cost     O(items + lines), two reads for each distinct product, a read and a write of each operation key;
--          a read and a write of each customer's count of a product that has a limit.
-- Retry    safe: a hold is known by its owner, and by the batch name; adding needs a key.
-- @include lib/reserve-items.lua
-- @include lib/campaign-record.lua

local items, owners = read_reserve_items()

local refusal = open_batch(true)
if refusal then
    return refusal
end
load_holds(owners)

-- The answer of a hold, with the lines that got less than they asked for.
local function answer_hold(word, hold, short)
    if short then
        return word .. "_partly\t" .. short .. "\t" .. encode_head(hold)
    end
    return word .. "\t" .. encode_head(hold)
end

-- Takes what measure() found: into the live hold when the item adds, else into one that replaces it.
local function take_all(item, live, short)
    local hold = item.adds and live
    if not hold then
        if live then
            release_hold(live, "RELEASE", "CANCELLED", "replaced", item.context)
        end
        hold = new_hold(item)
    end
    for i = 1, #item.lines do
        take(item.lines[i], hold == live and add_units or hold_units, hold, item.context)
    end
    touch(hold)
    if hold ~= live then
        schedule(hold)
    end
    local stock = item.adds and "\t" .. encode_stock(products[item.lines[1].product]) or ""
    return remember_reply(item.key, item.payload, answer_hold("reserved", hold, short) .. stock)
end

-- Whether the live hold is what the item asks for already; by best effort, as much of it as can be
-- had: a repeat never takes away what the first call was given.
local function may_stand(live, item)
    if item.adds or (live.due == 0) ~= not item.seconds then
        return false
    end
    return has_enough(live, item.lines, item.is_best_effort)
end

local campaigns -- made with the first item that names one

-- The item's campaign, once its lines are those of its ring-fences; nil and the refusal where it is none.
local function enter_campaign(item)
    campaigns = campaigns or make_campaigns()
    local campaign = campaigns.read(item.campaign)
    if not campaign then
        return nil, "campaign_unknown"
    end
    for _, line in ipairs(item.lines) do
        if not campaigns.has(campaign, line.product) then
            return nil, "campaign_lacks\t" .. line.product
        end
        line.fence_of = campaign.location
        line.location = campaign.location .. FENCE_SIGN .. campaign.id
    end
    if campaign.seconds > 0 and item.seconds then
        item.seconds = campaign.seconds
    end
    return campaign
end

local function reserve(item)
    local replay = earlier_reply(item.key, item.payload)
    if replay then
        return replay
    end
    local earlier = records[item.owner]
    if earlier and is_due(earlier) then
        expire_hold(earlier)
    end
    if earlier and not item.adds and has_confirmed(earlier) then
        return "confirmed\t" .. encode_head(earlier)
    end
    for i = 1, #item.lines do
        local product = item.lines[i].product
        if not load_product(product) then
            return "unknown\t" .. product
        end
    end
    local campaign
    if item.campaign then
        local refused
        campaign, refused = enter_campaign(item)
        if not campaign then
            return refused
        end
    end
    local live = earlier and earlier.state == "ACTIVE" and earlier or nil
    local given = not item.adds and live or nil
    local short, any, above = measure(item.lines, item, given, item.adds and live)
    if live and may_stand(live, item) then
        if item.is_dry then
            return "possible\t" .. encode_takes(item.lines, live, item.is_best_effort and short)
        end
        -- A copy that comes after the hold was replaced must not put back what this one found.
        local held = answer_hold("held", live, item.is_best_effort and short)
        return remember_reply(item.key, item.payload, held)
    end
    local closed = campaign and campaigns.refusal_at(campaign, now)
    if closed then
        return closed
    end
    if short and swept < math.floor(now / 1000) then
        return "due"
    end
    if short and not (item.is_best_effort and any) then
        return above and "above_quota\t" .. above or "insufficient\t" .. short
    end
    if item.is_dry then
        return "possible\t" .. encode_takes(item.lines, nil, short)
    end
    return take_all(item, live, short)
end

local replies = {}
for i = 1, #items do
    replies[i] = refusal_of(i) or reserve(items[i])
end
return close_holds(replies)
