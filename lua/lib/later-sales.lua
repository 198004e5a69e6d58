-- Whether an order was sold more of a product since a seq: what the ledger said up to there lacks that sale.
-- @include lib/batch.lua

local LATER_ENTRIES_MAX = 1000 -- of the journal; the ledger is asked again where there are more
local SALE_LINE = "^(%d+)\tSALE\t([^\t]+)\t[^\t]*\t%d+\t%d+\t%d+\t%d+\t([^\t]*)\t(.*)$"

-- The order of a movement's context, a JSON string as it stands there; nil: it names none.
local function order_of_context(context)
    local _, at = string.find(context, '"orderId":"', 1, true)
    local ends = at
    repeat
        ends = ends and string.find(context, '["\\]', ends + 1)
        local is_escaped = ends and string.sub(context, ends, ends) == "\\"
        if is_escaped then
            ends = ends + 1
        end
    until not is_escaped
    return ends and string.sub(context, at, ends)
end

-- The orders of an entry's holds, by `owner-generation`.
local function orders_of_holds(text)
    local orders = {}
    for owner, generation, order in string.gmatch(text or "", "(%x+)\t1\t(%w+)\t[^\n]*\t([^\t\n]*)") do
        orders[owner .. "-" .. generation] = order
    end
    return orders
end

local function has_sale(entry, product, order, after)
    local fields = {}
    for i = 1, #entry, 2 do
        fields[entry[i]] = entry[i + 1]
    end
    if not string.find(fields.movements, "\tSALE\t" .. product .. "\t", 1, true) then
        return false
    end
    local orders = orders_of_holds(fields.holds)
    for line in string.gmatch(fields.movements, "[^\n]+") do
        local at, sold, hold, context = string.match(line, SALE_LINE)
        if sold == product and tonumber(at) > after then
            local of = hold ~= "" and orders[hold] or order_of_context(context)
            if of == order then
                return true
            end
        end
    end
    return false
end

-- What the journal has no more is not looked for: the tail that it keeps is far longer than a request lasts.
local function was_sold_since(product, context, after)
    local order = order_of_context(context)
    if not order then
        return false
    end
    local first = "(" .. header.epoch .. "-" .. decimal[after]
    local entries =
        redis.call("XRANGE", journal_key, first, "+", "COUNT", decimal[LATER_ENTRIES_MAX])
    for _, entry in ipairs(entries) do
        if has_sale(entry[2], product, order, after) then
            return true
        end
    end
    return #entries == LATER_ENTRIES_MAX
end
