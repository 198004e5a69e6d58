-- What rules (lib/limits.lua) leave to a customer for the lines of one item.
-- @include lib/limits.lua

-- Made for an item that has a product with a rule; what one line takes is gone for the next ones.
-- whose: what names the customer, a hold or an item; hold: the live one that would be given back (nil: none);
-- added_to: the hold that the lines are added to; is_sale: nothing of them is held.
local function make_allowance(whose, hold, added_to, is_sale)
    local created = added_to and tonumber(added_to.created) or now
    local left = {} -- rule → units that it leaves, or false: as many as there are
    local is_full = {} -- rules that take no further hold

    -- What is added to a hold counts as that hold does.
    local function left_under(rule)
        if (is_sale and rule.is_of_held) or not limits.is_counted(rule, whose, created) then
            return false
        end
        local is_given = hold and limits.is_counted(rule, whose, tonumber(hold.created))
        local given = is_given and limits.held_under(rule, hold) or 0
        if rule.max_holds and not (added_to and limits.held_under(rule, added_to) > 0) then
            local holds = limits.holds_of(rule, whose) - (given > 0 and 1 or 0)
            is_full[rule] = holds >= rule.max_holds
        end
        local units = math.max(0, limits.units_of(rule, whose) - given)
        return is_full[rule] and 0 or math.max(0, rule.max_units - units)
    end

    -- Whether the rule is asked of a line: one of a level alone is not of what is taken anywhere.
    local function is_of(rule, line)
        return not rule.location or rule.location == line.location
    end

    -- Units that its customer may take for a line, and the rule that says so; nil: as many as there are.
    local function ask(line)
        local least, by
        for _, rule in ipairs(products[line.product].rules) do
            if is_of(rule, line) then
                if left[rule] == nil then
                    left[rule] = left_under(rule)
                end
                if left[rule] and (not least or left[rule] < least) then
                    least, by = left[rule], rule
                end
            end
        end
        return least, by
    end

    local function spend(line)
        for _, rule in ipairs(products[line.product].rules) do
            if is_of(rule, line) and left[rule] then
                left[rule] = math.max(0, left[rule] - line.units)
            end
        end
    end

    -- `=limit=what may be taken`, and for a rule that has a name `=its id=when its window ends (empty: never)=
    -- the holds that it allows (empty: it is not for those that no more may be taken)`; a campaign's has `~` and
    -- the id of that.
    local function encode(line)
        local rule = line.rule
        local text = "=" .. decimal[rule.max_units] .. "=" .. decimal[line.allowed]
        local name = rule.id or (rule.campaign and "~" .. rule.campaign)
        if not name then
            return text
        end
        local holds = is_full[rule] and decimal[rule.max_holds] or ""
        return text
            .. "="
            .. name
            .. "="
            .. (rule.ends and decimal[rule.ends] or "")
            .. "="
            .. holds
    end

    return { ask = ask, spend = spend, encode = encode }
end
