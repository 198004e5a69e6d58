-- How many units one customer may have, over all of its orders: those that it holds and those that it bought,
-- less what came back; of some rules, those that it holds alone. They stand in a hash of each rule and window,
-- customer → units, beside how many live holds it has where the rule bounds those.
-- A hold counts if it was made since the rule counts, so that its own record says whether it is counted; a
-- hold of no customer never is. A script that meets no product with a rule reads and writes nothing here.
-- @include lib/limit-rules.lua

local limits -- what is done with rules; made with the first product that may have one

local function make_limits()
    local CUSTOMER_DIGITS = 32 -- of the hash that stands for a customer; twin: src/inventory/limits.ts
    local HOLDS = ":holds" -- behind it: how many live holds
    local known = make_rules()
    local customer_names = {} -- customer (JSON string) → its hash

    -- Whether the rule counts what is taken at that moment (ms). whose: what has the customer as the first
    -- field of its `whom`, a hold or an item.
    local function is_counted(rule, whose, created)
        return created >= rule.since and string.match(whose.whom, "^[^\t]+")
    end

    local function name_of(whose)
        local customer = string.match(whose.whom, "^[^\t]*")
        local name = customer_names[customer]
        if not name then
            name = string.sub(redis.sha1hex(customer), 1, CUSTOMER_DIGITS)
            customer_names[customer] = name
        end
        return name
    end

    local function count_of(rule, field)
        local units = rule.counts[field]
        if not units then
            local text = redis.call("HGET", rule.key, field)
            units = text and string.match(text, "^%d+$") and tonumber(text) or 0
            rule.counts[field] = units
        end
        return units
    end

    -- The one way a count changes. What was never counted cannot be given back.
    local function add(rule, field, units)
        rule.counts[field] = math.max(0, count_of(rule, field) + units)
        rule.changed[field] = true
    end

    local function held_under(rule, hold)
        local units = 0
        for _, line in ipairs(hold.lines) do
            if line.held > 0 and known.is_over(rule, line.product, line.location) then
                units = units + line.held
            end
        end
        return units
    end

    -- A hold is one of a rule from its first unit under it to its last. What is taken stands in its line
    -- already when it is counted, what is given back does so still.
    local function count_hold(rule, hold, reserved)
        hold.under = hold.under or {}
        local before = hold.under[rule] or held_under(rule, hold) - math.max(0, reserved)
        local after = before + reserved
        hold.under[rule] = after
        if (before > 0) ~= (after > 0) then
            add(rule, name_of(hold) .. HOLDS, after > 0 and 1 or -1)
        end
    end

    -- Units of a product that move at a location; whose: the hold that they are of, or the item of a sale.
    local function count(product, location, whose, created, on_hand, reserved)
        for _, rule in ipairs(product.rules) do
            local units = rule.is_of_held and reserved or reserved - on_hand
            local is_here = not rule.location or rule.location == location
            if is_here and is_counted(rule, whose, created) then
                if units ~= 0 then
                    add(rule, name_of(whose), units)
                end
                if rule.max_holds and reserved ~= 0 then
                    count_hold(rule, whose, reserved)
                end
            end
        end
    end

    -- What comes back of an order: steps are its sales to that customer and what came back of them before, in
    -- their order, `ms=units;` (`ms=units~campaign;` through one) and `=units;` each.
    local function count_back(product, whose, steps, units)
        for _, rule in ipairs(product.rules) do
            local counted = 0
            for at, moved, through in string.gmatch(steps, "(%d*)=(%d+)~?([%w-]*);") do
                local is_its = not rule.campaign or rule.campaign == through
                if at == "" then
                    counted = math.max(0, counted - tonumber(moved))
                elseif is_its and is_counted(rule, whose, tonumber(at)) then
                    counted = counted + tonumber(moved)
                end
            end
            if counted > 0 and not rule.is_of_held then
                add(rule, name_of(whose), -math.min(units, counted))
            end
        end
    end

    -- A count that is zero leaves no field, and the last one no key. A batch has far fewer customers than
    -- one call takes.
    local function write()
        for _, rule in ipairs(known.met) do
            local put, removed = {}, {}
            for field in pairs(rule.changed) do
                local units = rule.counts[field]
                if units > 0 then
                    put[#put + 1] = field
                    put[#put + 1] = decimal[units]
                else
                    removed[#removed + 1] = field
                end
            end
            if #put > 0 then
                redis.call("HSET", rule.key, unpack(put))
                if rule.ends then
                    redis.call("PEXPIREAT", rule.key, decimal[rule.ends])
                end
            end
            if #removed > 0 then
                redis.call("HDEL", rule.key, unpack(removed))
            end
        end
    end

    limits = {
        rules = known,
        is_counted = is_counted,
        held_under = held_under,
        units_of = function(rule, whose)
            return count_of(rule, name_of(whose))
        end,
        holds_of = function(rule, whose)
            return count_of(rule, name_of(whose) .. HOLDS)
        end,
        count = count,
        count_back = count_back,
        write = write,
    }
end

-- Notes the rules of a product on it, where it may have one.
local function set_limits(product, units)
    if not limits then
        make_limits()
    end
    local own = limits.rules.of(product, units)
    product.rules = #own > 0 and own or nil
    if product.has_fences then
        limits.rules.add_fences(product)
    end
end
