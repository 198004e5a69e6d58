-- The record of a hold: tab-separated text, format 1:
-- 1, generation, state, end reason, due second, created (ms), seq, lines, customer, order.
-- A line is product=location=held=confirmed=released; customer and order are JSON strings that
-- nothing here parses: they are the record's `whom`, what stands before them its head.
-- Twin: src/redis/hold-record.ts.

-- A reserve is answered with the head: its caller named the customer and the order itself.
local function encode_head(hold)
    if hold.head then
        return hold.head
    end
    local lines = {}
    for i = 1, #hold.lines do
        local line = hold.lines[i]
        lines[i] = line.product
            .. "="
            .. line.location
            .. "="
            .. decimal[line.held]
            .. "="
            .. decimal[line.confirmed]
            .. "="
            .. decimal[line.released]
    end
    hold.head = "1\t"
        .. hold.generation
        .. "\t"
        .. hold.state
        .. "\t"
        .. hold.reason
        .. "\t"
        .. decimal[hold.due]
        .. "\t"
        .. decimal[hold.created]
        .. "\t"
        .. decimal[hold.seq]
        .. "\t"
        .. table.concat(lines, ",")
    return hold.head
end

local function encode_hold(hold)
    return encode_head(hold) .. "\t" .. hold.whom
end

local function decode_hold(owner, text)
    local hold = { owner = owner, lines = {} }
    local lines
    hold.head, hold.generation, hold.state, hold.reason, hold.due, hold.created, hold.seq, lines, hold.whom =
        string.match(
            text,
            "^(1\t(%w+)\t(%u+)\t([%l_]*)\t(%d+)\t(%d+)\t(%d+)\t([^\t]*))\t([^\t]*\t[^\t]*)$"
        )
    if not hold.generation then
        error("a reservation record cannot be read")
    end
    hold.due, hold.created, hold.seq =
        tonumber(hold.due), tonumber(hold.created), tonumber(hold.seq)
    for product, location, held, confirmed, released in
        string.gmatch(lines, "([^=,]+)=([^=,]+)=(%d+)=(%d+)=(%d+)")
    do
        hold.lines[#hold.lines + 1] = {
            product = product,
            location = location,
            held = tonumber(held),
            confirmed = tonumber(confirmed),
            released = tonumber(released),
        }
    end
    return hold
end

-- The customer's JSON string, empty when the hold is an order's alone.
local function customer_of(hold)
    return string.match(hold.whom, "^[^\t]*")
end
