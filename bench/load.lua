-- What wrk sends, and what it counted. Arguments after the URL: kind of load, name of the run (part
-- of each order's id, so that no order is asked for twice), the token of each caller (a file), what
-- the kind goes through (a file: products, reservations or bodies, one a line).
-- Prints `result <JSON>` at the end.

local ORDER = "%s-%09d"
-- What a balancer would say of the caller with that number.
local FORWARDED = "\r\nX-Forwarded-For: 192.0.2.%d"

local requests, threads = {}, {}
local heads, items = {}, {}
local run
-- Global, so that `done` can ask each thread for them.
sent_count, sent_bytes = 0, 0

local function lines_of(path)
    local lines = {}
    for line in io.lines(path) do
        lines[#lines + 1] = line
    end
    return lines
end

-- The part of a POST's head that does not change: the body's length is known beforehand.
local function head(token, length, more)
    return " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer "
        .. token
        .. (more or "")
        .. "\r\nContent-Type: application/json\r\nContent-Length: "
        .. length
        .. "\r\n\r\n"
end

local function body(order)
    return '{"quantity":1,"orderId":"' .. order .. '"}'
end

local function next_of(list)
    return list[sent_count % #list + 1]
end

-- A new order by the next caller.
local function post_order(path)
    return "POST " .. path .. next_of(heads) .. body(string.format(ORDER, run, sent_count))
end

function requests.reserve()
    return post_order("/api/inventory/product/" .. next_of(items) .. "/reserve")
end

requests.forwarded = requests.reserve

function requests.echo()
    return post_order("/echo")
end

function requests.confirm()
    return "POST /api/inventory/reservation/" .. next_of(items) .. "/confirm" .. next_of(heads)
end

function requests.check()
    local text = next_of(items)
    return "POST /api/inventory/check-availability" .. head("none", #text) .. text
end

function requests.product()
    return "GET /api/inventory/product/" .. next_of(items) .. " HTTP/1.1\r\nHost: bench\r\n\r\n"
end

function requests.health()
    return "GET /health HTTP/1.1\r\nHost: bench\r\n\r\n"
end

local make

function setup(thread)
    threads[#threads + 1] = thread
end

function init(args)
    local kind, token_file, item_file = args[1], args[3], args[4]
    run = args[2]
    make = requests[kind] or error("there is no load " .. kind)
    items = lines_of(item_file)
    local length = kind == "confirm" and 0 or #body(string.format(ORDER, run, 0))
    for number, token in ipairs(lines_of(token_file)) do
        local more = kind == "forwarded" and string.format(FORWARDED, number % 256)
        heads[#heads + 1] = head(token, length, more)
    end
end

function request()
    local text = make()
    sent_count = sent_count + 1
    sent_bytes = sent_bytes + #text
    return text
end

function done(summary, latency)
    local errors = summary.errors
    local bytes, sent = 0, 0
    for _, thread in ipairs(threads) do
        bytes = bytes + thread:get("sent_bytes")
        sent = sent + thread:get("sent_count")
    end
    io.write(
        string.format(
            'result {"requests":%d,"seconds":%.6f,"refused":%d,"broken":%d,"p50Us":%d,"p99Us":%d,'
                .. '"requestBytes":%.1f,"bytesHeard":%d}\n',
            summary.requests,
            summary.duration / 1e6,
            errors.status,
            errors.connect + errors.read + errors.write + errors.timeout,
            latency:percentile(50),
            latency:percentile(99),
            bytes / math.max(sent, 1),
            summary.bytes
        )
    )
end
