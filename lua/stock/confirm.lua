#!lua flags=allow-oom
-- Purpose: turns held units into sold ones: they leave reserved and onHand. A hold that expired may
--          be sold after all, as a sale of its own, if the caller says so and the stock is there. It
--          must have expired whole: what its caller cancelled is not sold.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), reservation:<owner> (string, rw),
--          limit:<rule>:<window> (hash, rw), limited (hash, r), records:limit (hash, r),
--          operation:<key> (string, rw), low (zset, rw), waited (zset, rw), journal (stream, w),
--          batch:<writer>:<slot> (string, rw), rate:<identity> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each (lib/change-hold.lua); the argument is
--          `generation;product=quantity,…`: the generation that a sale after expiry gets (empty: an
--          expired hold is refused), and what to confirm (empty: all that is held).
-- Returns  a status line and a line for each item: done <record> [<stock>]|confirmed|cancelled|expired <record>,
--          exceeds <product> <held>, superseded, unknown, again, insufficient|above_quota <short lines>, full,
--          due (units may be due for release: run expire, then ask again),
--          replayed <reply>, key_reused, limited <ms until there is room>. Or stale, superseded.
-- Cost     O(items + lines), a read and a write of each operation key, and of that of a late sale.
-- Retry    safe for all that is held: a confirmed hold answers confirmed, one sold after its expiry the
--          same sale. Named quantities of a live hold are sold again, unless the batch name or the
--          operation key is the same.
-- @include lib/change-hold.lua
-- @include lib/allocate.lua

local PLAIN = { quantities = "" } -- `;`: what most ask for, all that is held and no sale after expiry

local function read_argument(argument)
    if argument == ";" then
        return PLAIN
    end
    local generation, quantities = string.match(argument, "^(%w*);(.*)$")
    if not generation then
        error("the argument of confirm cannot be read")
    end
    return {
        generation = generation ~= "" and generation,
        wanted = read_quantities(quantities),
        quantities = quantities,
    }
end

local items, owners = read_changes(read_argument)
local refusal = open_batch(false)
if refusal then
    return refusal
end
load_holds(owners)

-- The key under which a repeat finds what an expired hold was sold as; trace_key in reassign.lua is of the
-- same form (lib/operations.lua says why they never meet).
local function sale_key(item)
    return item.owner .. "-" .. item.generation
end

-- What it was asked to be about: a repeat that is about something else hears nothing of it.
local function sale_payload(item)
    return redis.sha1hex(item.argument.quantities)
end

-- What of an expired hold shall be sold, as lines; nil and the refusal when it had less.
local function lines_to_sell(hold, wanted)
    local had, order = {}, {}
    for _, line in ipairs(hold.lines) do
        if not had[line.product] then
            order[#order + 1] = line.product
        end
        had[line.product] = (had[line.product] or 0) + line.released
    end
    for product, units in pairs(wanted or had) do
        if units > (had[product] or 0) then
            return nil, string.format("exceeds\t%s\t%d", product, had[product] or 0)
        end
    end
    local lines = {}
    for _, product in ipairs(order) do
        local units = (wanted or had)[product]
        if units then
            load_product(product)
            lines[#lines + 1] = { product = product, quantity = units, location = "" }
        end
    end
    return lines
end

local function sell_units(line, location, units, sale, context)
    local sold = new_line(sale, line.product, location, 0, units)
    move_line("SALE", sale, sold, -units, 0, context)
end

-- Unlike the end of a live hold it takes stock that others want: a full journal refuses it.
local function sell_expired(hold, item)
    if is_journal_full() then
        return "full"
    end
    local lines, exceeds = lines_to_sell(hold, item.argument.wanted)
    if not lines then
        return exceeds
    end
    local short, _, above = measure(lines, hold, nil, nil, true)
    if short and swept < math.floor(now / 1000) then
        return "due"
    elseif short then
        return above and "above_quota\t" .. above or "insufficient\t" .. short
    end
    local sale = {
        owner = hold.owner,
        generation = item.argument.generation,
        due = hold.due,
        created = decimal[now],
        lines = {},
        whom = hold.whom,
    }
    records[hold.owner] = sale
    for _, line in ipairs(lines) do
        take(line, sell_units, sale, item.context)
    end
    settle_hold(sale, "CONFIRMED", "confirmed")
    local reply = "done\t" .. encode_hold(sale)
    remember_reply(sale_key(item), sale_payload(item), reply)
    return remember_reply(item.key, item.payload, reply)
end

local function sell_held(hold, line, units, context)
    move_line("SALE", hold, line, -units, -units, context)
    line.confirmed = line.confirmed + units
end

local function confirm(hold, item)
    local excess = excess_of(hold, item.argument.wanted)
    if excess then
        return excess
    end
    draw(hold, item.argument.wanted, sell_held, item.context)
    settle_hold(hold, "CONFIRMED", "confirmed")
    return remember_reply(item.key, item.payload, encode_done(hold, item))
end

-- A hold that is not live: sold after all, now or before. What it was sold as is what a repeat hears;
-- other lines of it stay expired.
local function ended(hold, item)
    local is_last = hold.generation == item.generation
    local may_sell = is_last and item.argument.generation and hold.reason == "expired"
    if is_last and not may_sell then
        return nil
    end
    -- Asked also where it can have no answer yet: the sale writes that key, and reads come first.
    local sold = earlier_reply(sale_key(item), sale_payload(item))
    if sold or not may_sell then
        return sold ~= "key_reused" and sold or nil
    end
    return sell_expired(hold, item)
end

return change_holds(items, confirm, ended)
