-- Where a hold has units: its lines by product and location.
-- @include lib/holds.lua

local NOWHERE = {}

-- Made at the first look, and kept up by line_of: a cart of many lines at many locations is walked once.
local function places_of_hold(hold)
    if not hold.places then
        hold.places = {}
        for _, line in ipairs(hold.lines) do
            local places = hold.places[line.product] or {}
            hold.places[line.product] = places
            places[line.location] = line
        end
    end
    return hold.places
end

-- Units of a product that a hold still has, in all and at one location (empty: any).
local function held_by(hold, product, location)
    local places = places_of_hold(hold)[product] or NOWHERE
    if location ~= "" then
        return places[location] and places[location].held or 0
    end
    local units = 0
    for _, line in pairs(places) do
        units = units + line.held
    end
    return units
end

-- Units that a hold (nil: none) would give back where they may be taken again.
local function returnable(hold, product, location)
    if not hold then
        return 0
    end
    local units = 0
    for name, line in pairs(places_of_hold(hold)[product.id] or NOWHERE) do
        local level = product.levels[name]
        if (location == "" or location == name) and not (level and level.is_idle) then
            units = units + line.held
        end
    end
    return units
end

-- The hold's line of that product and location, made when there is none.
local function line_of(hold, product, location)
    local all = places_of_hold(hold)
    local places = all[product] or {}
    all[product] = places
    local line = places[location]
    if not line then
        line = { product = product, location = location, held = 0, confirmed = 0, released = 0 }
        hold.lines[#hold.lines + 1] = line
        places[location] = line
    end
    return line
end
