-- The record of a hold: tab-separated text, format 1:
-- 1, generation, state, end reason, due second, created (ms), seq, lines, customer, order.
-- A line is product=location=held=confirmed=released; customer and order are JSON strings that
-- nothing here parses: they are the record's `whom`, what stands before them its head. When it was made
-- and its seq stay text as well, for almost nothing counts with them.
-- Twin: src/redis/hold-record.ts.

local HOLD_HEAD = "^1\t(%w+)\t(%u+)\t([%l_]*)\t(%d+)\t(%d+)\t(%d+)\t()" -- up to the lines
local HOLD_LINE = "([^=,]+)=([^=,]+)=(%d+)=(%d+)=(%d+)"

local function encode_line(line)
    return line.product
        .. "="
        .. line.location
        .. "="
        .. decimal[line.held]
        .. "="
        .. decimal[line.confirmed]
        .. "="
        .. decimal[line.released]
end

local function encode_lines(lines)
    if #lines == 1 then
        return encode_line(lines[1])
    end
    local texts = {}
    for i = 1, #lines do
        texts[i] = encode_line(lines[i])
    end
    return table.concat(texts, ",")
end

-- Its text as it was read or last made; touch() in lib/holds.lua forgets it when the hold changes.
local function encode_hold(hold)
    if hold.text then
        return hold.text
    end
    hold.text = "1\t"
        .. hold.generation
        .. "\t"
        .. hold.state
        .. "\t"
        .. hold.reason
        .. "\t"
        .. decimal[hold.due]
        .. "\t"
        .. hold.created
        .. "\t"
        .. hold.seq
        .. "\t"
        .. encode_lines(hold.lines)
        .. "\t"
        .. hold.whom
    return hold.text
end

-- A reserve is answered with the head: its caller named the customer and the order itself.
local function encode_head(hold)
    return sub(encode_hold(hold), 1, -2 - #hold.whom)
end

local function decode_hold(owner, text)
    local generation, state, reason, due, created, seq_of_record, lines_at = match(text, HOLD_HEAD)
    local lines_end = lines_at and find(text, "\t", lines_at, true)
    local customer_end = lines_end and find(text, "\t", lines_end + 1, true)
    if not customer_end or find(text, "\t", customer_end + 1, true) then
        error("a reservation record cannot be read")
    end
    local lines = {}
    for product, location, held, confirmed, released in
        string.gmatch(sub(text, lines_at, lines_end - 1), HOLD_LINE)
    do
        lines[#lines + 1] = {
            product = product,
            location = location,
            held = number_of(held),
            confirmed = number_of(confirmed),
            released = number_of(released),
        }
    end
    return {
        owner = owner,
        generation = generation,
        state = state,
        reason = reason,
        due = number_of(due),
        created = created,
        seq = seq_of_record,
        lines = lines,
        whom = sub(text, lines_end + 1),
        text = text,
        touched = false,
    }
end

-- The customer's JSON string, empty when the hold is an order's alone.
local function customer_of(hold)
    return string.match(hold.whom, "^[^\t]*")
end
