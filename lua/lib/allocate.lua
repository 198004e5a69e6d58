-- Which units are taken: what an item asks for, against the stock and the owner's live hold.
-- An item has lines of product, quantity and location (empty: any, home first).
-- @include lib/hold-places.lua
-- @include lib/places.lua

-- Places that a hold has units at; a line of a cart may be split over all locations of its product.
local PLACES_MAX = 400 -- as many as one call of a script ends: LINES_MAX in lib/change-hold.lua

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

-- Units that could be taken for a line if that live hold (nil: none) were given back: what is there for
-- everybody, and what the hold has, also where the safety stock would have more than there is.
local function takeable(line, hold)
    local product = products[line.product]
    local units = max(0, available(product)) + returnable(hold, product, "")
    if line.location ~= "" then
        local level = product.levels[line.location]
        local free = level and not level.is_idle and level.on_hand - level.reserved or 0
        units = min(units, free + returnable(hold, product, line.location))
    end
    return units
end

-- Of so many units of a line those that can be had from that many places at most, and the places left.
local function within(line, units, hold, places_left)
    local product = products[line.product]
    local left, places = units, places_of(product)
    for i = 1, #places do
        local location = places[i]
        local level = product.levels[location]
        local free = level.on_hand - level.reserved + returnable(hold, product, location)
        if left == 0 or places_left == 0 then
            break
        end
        if free > 0 and (line.location == "" or line.location == location) then
            places_left = places_left - 1
            left = math.max(0, left - free)
        end
    end
    return units - left, places_left
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
-- get less than they ask for (nil: none), and whether any gets something. All lines together come from
-- PLACES_MAX places at most, less those that the hold has which they are added to.
local function measure(lines, hold, added_to)
    local short, any = nil, false
    local places_left = PLACES_MAX - (added_to and #added_to.lines or 0)
    local is_wide = #lines * LOCATIONS_MAX > places_left
    for i = 1, #lines do
        local line = lines[i]
        local largest = takeable(line, hold)
        line.units = min(line.quantity, largest)
        if is_wide then
            local units = line.units
            line.units, places_left = within(line, units, hold, math.max(0, places_left))
            largest = line.units < units and line.units or largest
        end
        any = any or line.units > 0
        if largest < line.quantity then
            short = short or {}
            short[#short + 1] = explain(line, largest)
        end
    end
    return short and table.concat(short, ","), any
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
    local places = places_of(product)
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
