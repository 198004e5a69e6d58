#!lua
-- Purpose: puts an owner at the end of the line for a product, or tells where it stands. What it may wait
--          for is what a reserve of that owner would ask for; to ask for another quantity keeps the place.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), records:waiting (hash, rw),
--          waiting:<product> (zset, rw), waited (zset, rw), waits (hash, rw), reservation:<owner> (string, rw),
--          limit:<rule>:<window> (hash, rw), limited (hash, r), records:limit (hash, r), low (zset, rw),
--          operation:<key> (string, rw), journal (stream, w), batch:<writer>:<slot> (string, rw),
--          rate:<identity> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: product, owner, generation,
--          quantity (1 … 10^9), hold seconds (1 … 86400), operation key, payload, customer and order (JSON
--          strings), context.
-- Returns  a status line and a line for each item: joined|changed|waiting <position>
--          <waiting> <record of the place>, held|confirmed <record>, available <units>,
--          above_quota <short line: lib/measure.lua>, line_full, too_many_places, unknown,
--          replayed <reply>, key_reused, limited <ms until there is room>, due (units may be due: run expire,
--          then ask again). Or stale, superseded, full.
-- Cost     O(items), a read and a write of each place, of each customer's count and of each operation key.
-- Retry    safe: an owner has one place in a line.
-- @include lib/measure.lua
-- @include lib/waiting.lua

local ITEM = "^([%w_.-]+)\t(%x+)\t(%w+)\t(%d+)\t(%d+)\t(%x*)\t(%x*)\t()"

local items, owners = {}, {}
for i = 2, #ARGV do
    local text = ARGV[i]
    local product, owner, generation, quantity, seconds, key, payload, whom_at = match(text, ITEM)
    local customer_end = whom_at and find(text, "\t", whom_at, true)
    local order_end = customer_end and find(text, "\t", customer_end + 1, true)
    local units = tonumber(quantity)
    local context = read_context(text, order_end and order_end + 1)
    if units < 1 or units > QUANTITY_MAX then
        error("a quantity of join is out of range")
    end
    items[i - 1] = {
        product = product,
        owner = owner,
        generation = generation,
        quantity = units,
        seconds = read_seconds(seconds),
        key = key,
        payload = payload,
        whom = sub(text, whom_at, order_end - 1),
        context = context,
    }
    owners[i - 1] = owner
end

local refusal = open_batch(true)
if refusal then
    return refusal
end
load_holds(owners)

local function told(word, product, waiter)
    local position = decimal[position_of(product, waiter.owner)]
    return word
        .. "\t"
        .. position
        .. "\t"
        .. decimal[product.waiting]
        .. "\t"
        .. encode_waiter(waiter)
end

-- What keeps who has no place yet from getting one; nil: nothing does.
local function refusal_to(item, product)
    local line = { product = product.id, quantity = item.quantity, location = "" }
    local short, _, above = measure({ line }, item, nil)
    if short and swept < math.floor(now / 1000) then
        return "due"
    elseif above then
        return "above_quota\t" .. above
    elseif not short then
        return "available\t" .. decimal[line.units]
    elseif (product.waiting or 0) >= WAITING_MAX then
        return "line_full"
    elseif places_of_customer(item.whom) >= WAITS_MAX then
        return "too_many_places"
    end
    return nil
end

local function join(item)
    local replay = earlier_reply(item.key, item.payload)
    if replay then
        return replay
    end
    local hold = records[item.owner]
    if hold and is_due(hold) then
        expire_hold(hold)
    end
    if hold and hold.state == "ACTIVE" then
        return "held\t" .. encode_hold(hold)
    elseif hold and has_confirmed(hold) then
        return "confirmed\t" .. encode_hold(hold)
    end
    local product = load_product(item.product)
    if not product then
        return "unknown"
    end
    local waiter = waiter_of(product.id, item.owner)
    local is_same = waiter and waiter.quantity == item.quantity and waiter.seconds == item.seconds
    if is_same then
        return remember_reply(item.key, item.payload, told("waiting", product, waiter))
    elseif waiter then
        waiter.quantity, waiter.seconds = item.quantity, item.seconds
        put_record(
            "waiting",
            record_id(product.id, item.owner),
            encode_waiter(waiter),
            item.context
        )
        return remember_reply(item.key, item.payload, told("changed", product, waiter))
    end
    local refused = refusal_to(item, product)
    if refused then
        return refused
    end
    join_line(product, item, item.context)
    return remember_reply(item.key, item.payload, told("joined", product, item))
end

local replies = {}
for i = 1, #items do
    replies[i] = refusal_of(i) or join(items[i])
end
return close_holds(replies)
