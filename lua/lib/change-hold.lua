-- Items that change a hold which exists: confirm, cancel, extend, reassign. Tab-separated: owner, generation
-- (empty: whichever hold of the owner is live), customer (JSON string; empty: any may), argument of
-- the verb, operation key, payload, context.
-- @include lib/holds.lua

local CHANGE = "^(%x+)\t(%w*)\t([^\t\n]*)\t([^\t\n]*)\t(%x*)\t(%x*)\t()"
local LINES_MAX = 400 -- lines of the holds of one call, after which items are told to come again

-- read(argument) reads the verb's own argument, or fails.
local function read_changes(read)
    local items, owners = {}, {}
    for i = 2, #ARGV do
        local owner, generation, customer, argument, key, payload, at = match(ARGV[i], CHANGE)
        local context = read_context(ARGV[i], at)
        items[i - 1] = {
            owner = owner,
            generation = generation,
            customer = customer,
            argument = read(argument),
            key = key,
            payload = payload,
            context = context,
        }
        owners[i - 1] = owner
    end
    return items, owners
end

-- Runs change(hold, item) for each item whose hold is live and the caller's own, and answers the
-- others by itself. A hold past its due time is expired first: touching it is enough.
--   replayed, key_reused   the operation key is known
--   unknown                no hold of that owner, another customer's, or none that is live to choose
--   superseded             another generation took its place, unless ended(hold, item) knows better
--   <state> <record>       how it ended, unless ended(hold, item) knows better
--   again                  this call has done enough
--   limited                its customer or address has made too many requests
local function change_holds(items, change, ended)
    local lines = 0
    local function answer(item)
        local earlier = earlier_reply(item.key, item.payload)
        if earlier then
            return earlier
        end
        local hold = records[item.owner]
        if not hold or (item.customer ~= "" and item.customer ~= customer_of(hold)) then
            return "unknown"
        end
        local is_named = item.generation ~= ""
        if is_named and hold.generation ~= item.generation then
            return ended and ended(hold, item) or "superseded"
        end
        if lines >= LINES_MAX then
            return "again"
        end
        lines = lines + #hold.lines
        if is_due(hold) then
            expire_hold(hold)
        end
        if hold.state ~= "ACTIVE" and not is_named then
            return "unknown"
        elseif hold.state ~= "ACTIVE" then
            local better = ended and ended(hold, item)
            return better or string.lower(hold.state) .. "\t" .. encode_hold(hold)
        end
        return change(hold, item)
    end
    local replies = {}
    for i = 1, #items do
        replies[i] = refusal_of(i) or answer(items[i])
    end
    return close_holds(replies)
end

-- The answer to a change that was made. Who names no generation hears the product's stock as well:
-- `onHand=reserved=available=home`.
local function encode_done(hold, item)
    local reply = "done\t" .. encode_hold(hold)
    if item.generation ~= "" then
        return reply
    end
    return reply .. "\t" .. encode_stock(load_product(hold.lines[1].product))
end

-- Units by product from `product=quantity,…`, nil (all that is held) from nothing.
local function read_quantities(argument)
    if argument == "" then
        return nil
    end
    local wanted = {}
    for part in string.gmatch(argument .. ",", "([^,]*),") do
        local product, quantity = string.match(part, "^([%w_.-]+)=(%d+)$")
        local units = tonumber(quantity)
        if not product or units < 1 then
            error("the quantities of an item cannot be read")
        end
        wanted[product] = (wanted[product] or 0) + units
    end
    return wanted
end

-- The refusal of what is about more units than a hold has. wanted: by product, nil: all that is held.
local function excess_of(hold, wanted)
    if not wanted then
        return nil
    end
    local held = {}
    for _, line in ipairs(hold.lines) do
        held[line.product] = (held[line.product] or 0) + line.held
    end
    for product, units in pairs(wanted) do
        if units > (held[product] or 0) then
            return string.format("exceeds\t%s\t%d", product, held[product] or 0)
        end
    end
    return nil
end

-- Takes the wanted units (nil: all) out of a hold's lines in their order: take(hold, line, units, context)
-- for each part.
local function draw(hold, wanted, take, context)
    for i = 1, #hold.lines do
        local line = hold.lines[i]
        local units = line.held
        if wanted then
            units = math.min(units, wanted[line.product] or 0)
        end
        if units > 0 then
            if wanted then
                wanted[line.product] = wanted[line.product] - units
            end
            take(hold, line, units, context)
            line.held = line.held - units
        end
    end
end
