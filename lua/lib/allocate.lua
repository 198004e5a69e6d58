-- Which units are taken: what an item asks for, against the stock and the owner's live hold.
-- An item has lines of product, quantity and location (empty: any, home first).
-- @include lib/holds.lua
-- @include lib/places.lua

local LINE = "^([%w_.-]+)=(%d+)=([%w _.-]*),()"

-- Lines from their text, `product=quantity=location,` each. Their products are distinct: each line
-- is held against the stock by itself.
local function read_lines(text)
    local lines, seen, at = {}, {}, 1
    while at <= #text do
        local product, quantity, location, after = string.match(text, LINE, at)
        local units = tonumber(quantity)
        if not product or seen[product] or units < 1 or units > QUANTITY_MAX then
            error("a line of reserve cannot be read")
        end
        seen[product] = true
        lines[#lines + 1] = { product = product, quantity = units, location = location }
        at = after
    end
    return lines
end

-- Units of a product that a hold still has, in all and at one location (empty: any).
local function held_by(hold, product, location)
    if not hold then
        return 0
    end
    local units = 0
    for _, line in ipairs(hold.lines) do
        if line.product == product and (location == "" or line.location == location) then
            units = units + line.held
        end
    end
    return units
end

-- Units that a hold would give back where they may be taken again.
local function returnable(hold, product, location)
    local units = held_by(hold, product.id, location)
    if units == 0 or rules == "" then
        return units
    end
    for name, level in pairs(product.levels) do
        if level.is_idle and (location == "" or location == name) then
            units = units - held_by(hold, product.id, name)
        end
    end
    return units
end

-- Units that could be taken for a line if that live hold (nil: none) were given back.
local function takeable(line, hold)
    local product = products[line.product]
    local units = available(product) + (hold and returnable(hold, product, "") or 0)
    if line.location ~= "" then
        local level = product.levels[line.location]
        local free = level and not level.is_idle and level.on_hand - level.reserved or 0
        free = free + (hold and returnable(hold, product, line.location) or 0)
        units = math.min(units, free)
    end
    return math.max(0, units)
end

-- A line that gets less than it asks for, as text: product=requested=largest=available=levels, of
-- which `largest` counts the caller's own live hold and `available` does not; levels are
-- `location:free units;…`, of the active ones.
local function explain(line, largest)
    local product = products[line.product]
    local levels = {}
    for i, location in ipairs(places_of(product)) do
        local level = product.levels[location]
        levels[i] = location .. ":" .. decimal[level.on_hand - level.reserved]
    end
    return table.concat({
        line.product,
        decimal[line.quantity],
        decimal[largest],
        decimal[takeable(line, nil)],
        table.concat(levels, ";"),
    }, "=")
end

-- Sets the units that each line can have, were that live hold given back. Answers the lines that
-- get less than they ask for (nil: none), and whether any gets something.
local function measure(lines, hold)
    local short, any = nil, false
    for i = 1, #lines do
        local line = lines[i]
        local largest = takeable(line, hold)
        line.units = math.min(line.quantity, largest)
        any = any or line.units > 0
        if largest < line.quantity then
            short = short or {}
            short[#short + 1] = explain(line, largest)
        end
    end
    return short and table.concat(short, ","), any
end

-- Whether a live hold is of those lines alone, and of each has what it asks for, or at least that
-- count of it: its `quantity`, or the `units` it could have now.
local function has_enough(hold, lines, count)
    local left = 0
    for _, line in ipairs(lines) do
        local held = held_by(hold, line.product, line.location)
        if held > line.quantity or held < line[count] then
            return false
        end
        left = left + held
    end
    for _, line in ipairs(hold.lines) do
        left = left - line.held
    end
    return left == 0
end

-- The hold's line of that product and location, made when there is none.
local function line_of(hold, product, location)
    for i = 1, #hold.lines do
        local line = hold.lines[i]
        if line.product == product and line.location == location then
            return line
        end
    end
    local line = { product = product, location = location, held = 0, confirmed = 0, released = 0 }
    hold.lines[#hold.lines + 1] = line
    return line
end

-- Takes a line's units where they may be taken: put(line, location, units, …) for each part.
local function take(line, put, ...)
    local product = products[line.product]
    local left = line.units
    for _, location in ipairs(places_of(product)) do
        local level = product.levels[location]
        local units = math.min(left, level.on_hand - level.reserved)
        if units > 0 and (line.location == "" or line.location == location) then
            put(line, location, units, ...)
            left = left - units
        end
    end
    if left > 0 then
        error("fewer units could be taken of product " .. product.id .. " than were counted")
    end
end
