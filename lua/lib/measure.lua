-- What lines of product, quantity and location (empty: any, home first) could get of the stock, and of
-- what their customer may have: the owner's live hold is reckoned with.
-- @include lib/hold-places.lua
-- @include lib/places.lua
-- @include lib/allowance.lua

-- Places that a hold has units at; a line of a cart may be split over all locations of its product.
local PLACES_MAX = 400 -- as many as one call of a script ends: LINES_MAX in lib/change-hold.lua

-- Units of a campaign's line: what its ring-fence has. It is stock of the location that it is of, and none is
-- taken while that is inactive.
local function takeable_in_fence(line, product, hold)
    local level, base = product.levels[line.location], product.levels[line.fence_of]
    local is_open = level and base and not base.is_idle
    local held = hold and held_by(hold, product.id, line.location) or 0
    return (is_open and level.on_hand - level.reserved or 0) + held
end

-- Units that could be taken for a line if that live hold (nil: none) were given back: what is there for
-- everybody, and what the hold has, also where the safety stock would have more than there is. While
-- somebody waits for the product, what is free of it is the line's alone, and only offer takes it.
local function takeable(line, hold)
    local product = products[line.product]
    if line.fence_of then
        return takeable_in_fence(line, product, hold)
    end
    local units = returnable(hold, product, "")
    if not product.waiting or line.is_offered then
        units = units + max(0, available(product))
    end
    if line.location ~= "" then
        local level = product.levels[line.location]
        local free = level and not level.is_idle and level.on_hand - level.reserved or 0
        units = min(units, free + returnable(hold, product, line.location))
    end
    return units
end

-- Of so many units of a line those that can be had from that many places at most, and the places left.
local function within(line, units, hold, places_left)
    if line.fence_of then
        return places_left > 0 and units or 0, max(0, places_left - 1)
    end
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
-- `location:free units;…`, of the active ones. Behind them, where its customer may not have so many, the limit
-- (lib/allowance.lua). And at the end, where the units are others': =w and how many wait.
local function explain(line, largest, asking)
    local product = products[line.product]
    local levels = {}
    for i, location in ipairs(places_for(line, product)) do
        local level = product.levels[location]
        levels[i] = location .. ":" .. decimal[level.on_hand - level.reserved]
    end
    local text = table.concat({
        line.product,
        decimal[line.quantity],
        decimal[largest],
        decimal[takeable(line, nil)],
        table.concat(levels, ";"),
    }, "=")
    if line.is_above then
        text = text .. asking.encode(line)
    end
    -- Who waits, waits for what is free beside campaigns.
    if product.waiting and not line.fence_of then
        text = text .. "=w" .. decimal[product.waiting]
    end
    return text
end

-- Sets the units that each line can have, were that live hold given back. Answers the lines that
-- get less than they ask for (nil: none), whether any gets something, and those of the lines that ask for
-- more than their customer may have. All lines together come from PLACES_MAX places at most, less those
-- that the hold has which they are added to. whose: what names the customer, a hold or an item; is_sale:
-- nothing of them is held.
local function measure(lines, whose, hold, added_to, is_sale)
    local short, any, above, asking = nil, false, nil, nil
    local places_left = PLACES_MAX - (added_to and #added_to.lines or 0)
    local is_wide = #lines * LOCATIONS_MAX > places_left
    for i = 1, #lines do
        local line = lines[i]
        local largest = takeable(line, hold)
        local has_rules = products[line.product].rules
        if has_rules then
            asking = asking or make_allowance(whose, hold, added_to, is_sale)
            line.allowed, line.rule = asking.ask(line)
            line.is_above = line.allowed and line.allowed < line.quantity
            largest = min(largest, line.allowed or largest)
        end
        line.units = min(line.quantity, largest)
        if is_wide then
            local units = line.units
            line.units, places_left = within(line, units, hold, math.max(0, places_left))
            largest = line.units < units and line.units or largest
        end
        if has_rules then
            asking.spend(line)
        end
        any = any or line.units > 0
        if largest < line.quantity then
            short = short or {}
            short[#short + 1] = explain(line, largest, asking)
            if line.is_above then
                above = above or {}
                above[#above + 1] = short[#short]
            end
        end
    end
    return short and table.concat(short, ","), any, above and table.concat(above, ",")
end
