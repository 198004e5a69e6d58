-- The record of a hold: tab-separated text, format 1:
-- 1, generation, state, end reason, due second, created (ms), seq, lines, customer, order.
-- A line is product=location=held=confirmed=released; customer and order are JSON strings that
-- nothing here parses. Twin: src/redis/hold-record.ts.

local function encode_hold(hold)
    if hold.text then
        return hold.text
    end
    local lines = {}
    for i, line in ipairs(hold.lines) do
        lines[i] = string.format(
            "%s=%s=%d=%d=%d",
            line.product,
            line.location,
            line.held,
            line.confirmed,
            line.released
        )
    end
    hold.text = string.format(
        "1\t%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s",
        hold.generation,
        hold.state,
        hold.reason,
        hold.due,
        hold.created,
        hold.seq,
        table.concat(lines, ","),
        hold.customer,
        hold.order
    )
    return hold.text
end

local function decode_hold(owner, text)
    local hold = { owner = owner, text = text, lines = {} }
    local lines
    hold.generation, hold.state, hold.reason, hold.due, hold.created, hold.seq, lines, hold.customer, hold.order =
        string.match(
            text,
            "^1\t(%w+)\t(%u+)\t(%l*)\t(%d+)\t(%d+)\t(%d+)\t([^\t]*)\t([^\t]*)\t([^\t]*)$"
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
