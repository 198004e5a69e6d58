-- Which units a reserve takes: what an item asks for, against the stock and the owner's live hold.
-- An item has lines of product, quantity and location (empty: any, home first).
-- @include lib/holds.lua

local QUANTITY_MAX = 1000000000
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

-- Whether a live hold already is what the item asks for.
local function is_same(hold, item)
    local asked = 0
    for _, line in ipairs(item.lines) do
        if held_by(hold, line.product, line.location) ~= line.quantity then
            return false
        end
        asked = asked + line.quantity
    end
    for _, line in ipairs(hold.lines) do
        asked = asked - line.held
    end
    return asked == 0
end

-- Units that could be taken for a line if the owner's live hold were given back.
local function takeable(line, hold)
    local product = products[line.product]
    local units = available(product) + held_by(hold, line.product, "")
    if line.location ~= "" then
        local level = product.levels[line.location]
        local free = level and level.on_hand - level.reserved or 0
        units = math.min(units, free + held_by(hold, line.product, line.location))
    end
    return math.max(0, units)
end

-- Takes a line's units, home first: give(location, units) for each place that has some.
local function split(line, give)
    local product = products[line.product]
    local left = line.quantity
    for _, location in ipairs(product.locations) do
        local level = product.levels[location]
        local units = math.min(left, level.on_hand - level.reserved)
        if units > 0 and (line.location == "" or line.location == location) then
            give(location, units)
            left = left - units
        end
    end
    if left > 0 then
        error("fewer units could be taken of product " .. product.id .. " than were counted")
    end
end

-- Takes a line's units for a hold, and answers nothing: what was taken stands in the hold.
local function take(hold, line, context)
    split(line, function(location, units)
        local taken = {
            product = line.product,
            location = location,
            held = units,
            confirmed = 0,
            released = 0,
        }
        hold.lines[#hold.lines + 1] = taken
        move_line("RESERVE", hold, taken, 0, units, context)
    end)
end
