-- Where units of a product may be taken, in order: home first, then the highest priority, then as
-- they came.
-- @include lib/stock.lua

local function places_of(product)
    if rules == "" and not product.has_fences then
        return product.locations
    end
    local home, levels = product.locations[1], product.levels
    local places, order = {}, {}
    for i, location in ipairs(product.locations) do
        order[location] = i
        if not levels[location].is_idle then
            places[#places + 1] = location
        end
    end
    table.sort(places, function(one, other)
        if one == home or other == home then
            return one == home and other ~= home
        elseif levels[one].priority ~= levels[other].priority then
            return levels[one].priority > levels[other].priority
        end
        return order[one] < order[other]
    end)
    return places
end

-- Of a campaign's line its ring-fence alone.
local function places_for(line, product)
    if line.fence_of then
        return product.levels[line.location] and { line.location } or {}
    end
    return places_of(product)
end
