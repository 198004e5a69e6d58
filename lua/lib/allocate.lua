-- Which units are taken: what an item asks for, against the stock and the owner's live hold.
-- An item has lines of product, quantity and location (empty: any, home first).
-- @include lib/measure.lua

local LINE = "^([%w_.-]+)=(%d+)=([%w _.-]*),(\t?)()"

local named_in = {} -- product → the lines that named it last

-- The lines of an item from their text, which begins at that place and ends with a tab:
-- `product=quantity=location,` each; and the place behind it. Their products are distinct: each line is
-- held against the stock by itself.
local function read_lines(text, at)
    local lines = {}
    repeat
        local product, quantity, location, tab, after = match(text, LINE, at)
        if not product or named_in[product] == lines then
            error("a line of reserve cannot be read")
        end
        local units = number_of(quantity)
        if units < 1 or units > QUANTITY_MAX then
            error("a quantity of reserve is out of range")
        end
        named_in[product] = lines
        lines[#lines + 1] = { product = product, quantity = units, location = location }
        at = after
    until tab ~= ""
    return lines, at
end

-- Whether a live hold is of those lines alone, and of each has what it asks for; by best effort, as much
-- of it as could be had now, or of any line more than it would get now.
local function has_enough(hold, lines, is_best_effort)
    local left, has_less, has_more = 0, false, false
    for _, line in ipairs(lines) do
        local held = held_by(hold, line.product, line.location)
        if held > line.quantity then
            return false
        end
        has_less = has_less or held < (is_best_effort and line.units or line.quantity)
        has_more = has_more or (is_best_effort and held > line.units)
        left = left + held
    end
    if has_less and not has_more then
        return false
    end
    for _, line in ipairs(hold.lines) do
        left = left - line.held
    end
    return left == 0
end

-- What would be had: units by product, of a live hold that would stay as it is or as measured, and the
-- lines that are short.
local function encode_takes(lines, stands, short)
    local takes = {}
    for i, line in ipairs(lines) do
        local units = stands and held_by(stands, line.product, line.location) or line.units
        takes[i] = line.product .. "=" .. decimal[units]
    end
    return table.concat(takes, ",") .. "\t" .. (short or "")
end

-- Takes a line's units where they may be taken: put(line, location, units, hold, context) for each part.
local function take(line, put, hold, context)
    local product = products[line.product]
    local left = line.units
    local places = places_for(line, product)
    for i = 1, #places do
        local location = places[i]
        local level = product.levels[location]
        local units = min(left, level.on_hand - level.reserved)
        if units > 0 and (line.location == "" or line.location == location) then
            put(line, location, units, hold, context)
            left = left - units
        end
    end
    if left > 0 then
        error("fewer units could be taken of product " .. product.id .. " than were counted")
    end
end
