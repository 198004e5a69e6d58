-- Where a hold has units: its lines by product and location.
-- @include lib/holds.lua

local NOWHERE = {}

-- Made at the first look, and kept up by new_line: a cart of many lines at many locations is walked once.
local function places_of_hold(hold)
    if not hold.places then
        hold.places = {}
        for i = 1, #hold.lines do
            local line = hold.lines[i]
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

local function has_confirmed(hold)
    for _, line in ipairs(hold.lines) do
        if line.confirmed > 0 then
            return true
        end
    end
    return false
end

-- The hold that an item of reserve asks for: it has nothing yet.
local function new_hold(item)
    local hold = {
        owner = item.owner,
        generation = item.generation,
        state = "ACTIVE",
        reason = "",
        due = item.seconds and due_after(now, item.seconds) or 0,
        created = decimal[now],
        seq = decimal[seq],
        lines = {},
        whom = item.whom,
        touched = false,
    }
    records[item.owner] = hold
    return hold
end

-- A line of a hold that has none of that product and location: what one item takes is never twice of
-- the same place, so that a new hold needs no look at what it has.
local function new_line(hold, product, location, held, confirmed)
    local line = {
        product = product,
        location = location,
        held = held,
        confirmed = confirmed,
        released = 0,
    }
    hold.lines[#hold.lines + 1] = line
    if hold.places then
        hold.places[product] = hold.places[product] or {}
        hold.places[product][location] = line
    end
    return line
end

-- The hold's line of that product and location, made when there is none.
local function line_of(hold, product, location)
    local places = places_of_hold(hold)[product] or NOWHERE
    return places[location] or new_line(hold, product, location, 0, 0)
end

-- Takes units for a line of an item into a hold that has nothing yet.
local function hold_units(line, location, units, hold, context)
    local taken = new_line(hold, line.product, location, units, 0)
    move_line("RESERVE", hold, taken, 0, units, context)
end

-- And into one that may have some of the same product and location.
local function add_units(line, location, units, hold, context)
    local taken = line_of(hold, line.product, location)
    taken.held = taken.held + units
    move_line("RESERVE", hold, taken, 0, units, context)
end
