#!lua
-- Purpose: gives units that are free to those who wait for them, in line: the first gets a hold of what it
--          asks for, or of as much as there is, and has left the line in the same step. Who may have none
--          leaves it too.
-- KEYS[1]  {pN}:meta (hash, rw); builds waited (zset, rw), waiting:<product> (zset, rw), waits (hash, rw),
--          records:waiting (hash, rw), stock:<product> (hash, rw), reservation:<owner> (string, rw),
--          limit:<rule>:<window> (hash, rw), limited (hash, r), records:limit (hash, r),
--          expiring:<second> (list, rw), low (zset, rw), journal (stream, w),
--          batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua).
-- ARGV[2]  `freed`: of products whose units were freed; or how many of the others are passed over, whose
--          units are looked at then (a location may have become active).
-- Returns  a status line and a line for each item, of which only the first is done and the others are told to
--          come again: offered|idle <holds> <left without one> <more 0|1> <due seconds,…> <damaged
--          products,…> <products that somebody waits for>, due (units that the next one lacks may be due: run
--          expire, then ask again). Or stale, superseded, full.
-- Cost     O(offers + lines): at most PRODUCTS_MAX products and OFFERS_MAX places.
-- Retry    safe: who was offered units has no place in line any more.
-- @include lib/allocate.lua
-- @include lib/waiting.lua

local PRODUCTS_MAX = 32
local OFFERS_MAX = 64 -- places that one call ends: as many as a batch has items
local LINES_MAX = 400 -- lines of their holds, after which no further one is begun

local refusal = open_batch(true)
if refusal then
    return refusal
end

local offers, parted, lines = 0, 0, 0
local due, damaged, nothing_free = {}, {}, {}
local may_be_due = false -- units that the next one lacks, or holds that count against it

-- The first in line, as many as may get something: all that their offers need is read here.
local function read_line(id)
    local product = load_product(id)
    if not product then
        error("a product that somebody waits for is not there")
    end
    local most = min(OFFERS_MAX, max(0, available(product)))
    local owners = most > 0 and redis.call("ZRANGE", waiting_key(id), 0, most - 1) or {}
    load_holds(owners)
    local waiters = {}
    for i, owner in ipairs(owners) do
        waiters[i] = waiter_of(id, owner)
        if not waiters[i] then
            error("a place in line without its record")
        end
        places_of_customer(waiters[i].whom)
        for _, rule in ipairs(product.rules or {}) do
            limits.units_of(rule, waiters[i])
            if rule.max_holds then
                limits.holds_of(rule, waiters[i])
            end
        end
    end
    return { product = product, waiters = waiters, most = most }
end

local function context_of(waiter, reason)
    local customer, order = match(waiter.whom, "^([^\t]*)\t(.*)$")
    local text = '{"actor":"system:waitlist","reason":"%s","reference":"waiting:%s"'
    text = string.format(text, reason, waiter.product)
    if order ~= "" then
        text = text .. ',"orderId":' .. order
    end
    if customer ~= "" then
        text = text .. ',"customerId":' .. customer
    end
    return text .. "}"
end

local function part(product, waiter, reason)
    leave_line(product, waiter, context_of(waiter, reason))
    parted = parted + 1
end

-- Whether the next one has a turn.
local function offer(product, waiter)
    local hold = records[waiter.owner]
    if hold and is_due(hold) then
        expire_hold(hold)
    end
    if hold and hold.state == "ACTIVE" then
        part(product, waiter, "held")
        return true
    elseif hold and has_confirmed(hold) then
        part(product, waiter, "confirmed")
        return true
    end
    local wanted = { product = product.id, quantity = waiter.quantity, location = "" }
    wanted.is_offered = true
    local short, _, above = measure({ wanted }, waiter, nil)
    may_be_due = short and swept < math.floor(now / 1000)
    if may_be_due then
        return false
    elseif wanted.units == 0 then
        if above then
            part(product, waiter, "above_quota")
        end
        return above ~= nil
    end
    local made = new_hold(waiter)
    take(wanted, hold_units, made, context_of(waiter, "offered"))
    touch(made)
    schedule(made)
    leave_line(product, waiter, context_of(waiter, "offered"))
    due[#due + 1] = decimal[made.due]
    offers, lines = offers + 1, lines + #made.lines
    return true
end

-- A function of its own: a script has 200 locals at most, and its libraries have most of them.
local function offer_all()
    local is_sweep = ARGV[2] ~= "freed"
    local score, first = is_sweep and 0 or 1, number_of(is_sweep and ARGV[2] or "0")
    local ids =
        redis.call("ZRANGEBYSCORE", waited_key, score, score, "LIMIT", decimal[first], PRODUCTS_MAX)
    local more = #ids == PRODUCTS_MAX
    for _, id in ipairs(ids) do
        local is_sound, line = pcall(read_line, id)
        if not is_sound then
            damaged[#damaged + 1] = id
            nothing_free[#nothing_free + 1] = id
        elseif may_be_due or offers + parted >= OFFERS_MAX or lines >= LINES_MAX then
            more = true
            break
        else
            local at = 1
            while at <= #line.waiters and offers + parted < OFFERS_MAX and lines < LINES_MAX do
                if not offer(line.product, line.waiters[at]) then
                    break
                end
                at = at + 1
            end
            -- Where who left without an offer made room for one more than were read, that one is next.
            local is_free = available(line.product) > 0
            more = more or may_be_due
            more = more or (is_free and at > max(1, #line.waiters) and line.product.waiting)
            nothing_free[#nothing_free + 1] = not is_free and id or nil
        end
    end

    local word = offers + parted > 0 and "offered" or "idle"
    local told = { word, offers, parted, more and 1 or 0 }
    told[5], told[6] = table.concat(due, ","), table.concat(damaged, ",")
    told[7] = decimal[redis.call("ZCARD", waited_key)]
    local replies = { may_be_due and word == "idle" and "due" or table.concat(told, "\t") }
    for i = 3, #ARGV do
        replies[i - 1] = "idle\t0\t0\t1\t\t\t1"
    end
    local answer = close_holds(replies)
    for _, id in ipairs(nothing_free) do
        redis.call("ZADD", waited_key, "XX", "0", id)
    end
    return answer
end

return offer_all()
