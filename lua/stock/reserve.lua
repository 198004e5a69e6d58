#!lua
-- Purpose: holds units of one or more products for an owner until a due time, all or nothing.
--          Reserving again replaces the hold of that owner in one step.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), reservation:<owner> (string, rw),
--          operation:<key> (string, rw), expiring:<second> (list, rw), low (zset, rw), journal (stream, w),
--          batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: owner, generation, hold
--          seconds, lines `product=quantity=location,` (location empty: any), operation key, payload,
--          customer and order (JSON strings), context.
-- Returns  a status line and a line for each item: reserved|held|confirmed <head of the record>,
--          insufficient <product=requested=available,…>, unknown <product>,
--          replayed <reply>, key_reused,
--          due (units may be due for release: run expire, then ask again).
--          Or stale, superseded, full.
-- Cost     O(items + lines), two reads for each distinct product.
-- Retry    safe: a hold is known by its owner, and by the batch name.
-- @include lib/allocate.lua

local ITEM = "^(%x+)\t(%w+)\t(%d+)\t([^\t]+)\t(%x*)\t(%x*)\t([^\t\n]*\t[^\t\n]+)\t([^\t\n]+)$"

local items, owners = {}, {}
for i = 2, #ARGV do
    local owner, generation, seconds, lines, key, payload, whom, context =
        string.match(ARGV[i], ITEM)
    if not owner then
        error("an item of reserve cannot be read")
    end
    items[i - 1] = {
        owner = owner,
        generation = generation,
        seconds = read_seconds(seconds),
        lines = read_lines(lines),
        key = key,
        payload = payload,
        whom = whom,
        context = context,
    }
    owners[i - 1] = owner
end

local refusal = open_batch(true)
if refusal then
    return refusal
end
load_holds(owners)
for _, item in ipairs(items) do
    for _, line in ipairs(item.lines) do
        load_product(line.product)
    end
end

local function has_confirmed(hold)
    for _, line in ipairs(hold.lines) do
        if line.confirmed > 0 then
            return true
        end
    end
    return false
end

-- What the owner's earlier hold answers, or nil when the item is to be decided by the stock.
local function earlier_answer(hold, item)
    if is_due(hold) then
        expire_hold(hold)
    end
    if has_confirmed(hold) then
        return "confirmed\t" .. encode_head(hold)
    end
    if hold.state == "ACTIVE" and is_same(hold, item) then
        return "held\t" .. encode_head(hold)
    end
    return nil
end

local function shortages(item, live)
    local short = {}
    for _, line in ipairs(item.lines) do
        local units = takeable(line, live)
        if units < line.quantity then
            short[#short + 1] = string.format("%s=%d=%d", line.product, line.quantity, units)
        end
    end
    return short
end

local function reserve(item)
    local replay = earlier_reply(item.key, item.payload)
    if replay then
        return replay
    end
    local earlier = records[item.owner]
    local answer = earlier and earlier_answer(earlier, item)
    if answer then
        return answer
    end
    for _, line in ipairs(item.lines) do
        if not products[line.product] then
            return "unknown\t" .. line.product
        end
    end
    local live = earlier and earlier.state == "ACTIVE" and earlier or nil
    local short = shortages(item, live)
    if #short > 0 then
        if swept < math.floor(now / 1000) then
            return "due"
        end
        return "insufficient\t" .. table.concat(short, ",")
    end
    if live then
        release_hold(live, "RELEASE", "CANCELLED", "replaced", item.context)
    end
    local hold = {
        owner = item.owner,
        generation = item.generation,
        state = "ACTIVE",
        reason = "",
        due = due_in(item.seconds),
        created = now,
        lines = {},
        whom = item.whom,
    }
    for _, line in ipairs(item.lines) do
        take(hold, line, item.context)
    end
    records[item.owner] = hold
    touch(hold)
    schedule(hold)
    return remember_reply(item.key, item.payload, "reserved\t" .. encode_head(hold))
end

local replies = {}
for i, item in ipairs(items) do
    replies[i] = reserve(item)
end
return close_holds(replies)
