-- The units of one hold in another one.
-- @include lib/hold-places.lua

-- What a cart may have; twins: CART_LINES_MAX and PLACES_MAX in src/inventory/model.ts
local CART_LINES_MAX = 100 -- products
local PLACES_MAX = 400 -- a product at a location each

-- Which bound of a cart a live hold would exceed with the units of another one: products, places or units
-- of a product; nil: none.
local function limit_of(live, hold)
    local places, named, units = #live.lines, 0, {}
    local function count(line)
        if not units[line.product] then
            named = named + 1
            units[line.product] = 0
        end
        units[line.product] = units[line.product] + line.held
        return units[line.product] > QUANTITY_MAX
    end
    for _, line in ipairs(live.lines) do
        count(line)
    end
    for _, line in ipairs(hold.lines) do
        if line.held > 0 then
            if count(line) then
                return "units"
            end
            local there = places_of_hold(live)[line.product]
            places = places + (there and there[line.location] and 0 or 1)
        end
    end
    if named > CART_LINES_MAX then
        return "products"
    end
    return places > PLACES_MAX and "places" or nil
end

-- Each line leaves the one hold and enters the other at its own place, one movement right behind the
-- other: what is available is the same before and after, and nobody asks whether it may be taken.
local function move_units(hold, target, context)
    for _, line in ipairs(hold.lines) do
        local units = line.held
        if units > 0 then
            move_line("RELEASE", hold, line, 0, -units, context)
            line.released = line.released + units
            line.held = 0
            touch(hold)
            add_units(line, line.location, units, target, context)
        end
    end
    touch(target)
end
