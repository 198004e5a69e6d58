-- Who waits for a product. A place in line is a record of the kind `waiting`, id `<product>/<owner>`:
-- tab-separated text, format 1: 1, generation, quantity, hold seconds, joined (ms), seq at which it joined,
-- customer, order. The generation is the one that the hold will have which is offered; the last two are JSON
-- strings that nothing here parses. What stands beside the records is derived from them: the line of each product
-- (waiting:<product>), how many it has (the field `waiting` of its hash), the products that have one (waited)
-- and the places of each customer (waits).
-- Twin: src/redis/waiting-record.ts.
-- @include lib/holds.lua
-- @include lib/records.lua

local WAITING_MAX = 10000 -- of one product; twin: WAITING_MAX in src/inventory/waitlist-ports.ts
local WAITS_MAX = 100 -- of one customer; twin: WAITS_MAX in src/inventory/waitlist-ports.ts
local CUSTOMER_DIGITS = 32 -- of the hash that stands for a customer; twin: src/inventory/limits.ts

local waited = {} -- products whose line this batch changed, each once
local lines_of = {} -- product → { joined = { seq and owner by turns }, left = { owners } }
local places = {} -- hash of a customer → its places, as far as they were asked for
local places_changed = {} -- hashes of customers

local function record_id(product, owner)
    return product .. "/" .. owner
end

local function decode_waiter(product, owner, text)
    local generation, quantity, seconds, joined_at, joined, whom =
        match(text, "^1\t(%w+)\t(%d+)\t(%d+)\t(%d+)\t(%d+)\t([^\t]*\t[^\t]*)$")
    if not generation then
        error("the record of a waiter cannot be read")
    end
    return {
        product = product,
        owner = owner,
        generation = generation,
        quantity = number_of(quantity),
        seconds = read_seconds(seconds),
        joined_at = joined_at,
        joined = joined,
        whom = whom,
    }
end

local function encode_waiter(waiter)
    return "1\t"
        .. waiter.generation
        .. "\t"
        .. decimal[waiter.quantity]
        .. "\t"
        .. decimal[waiter.seconds]
        .. "\t"
        .. waiter.joined_at
        .. "\t"
        .. waiter.joined
        .. "\t"
        .. waiter.whom
end

-- The place of that owner in the product's line, nil when it has none.
local function waiter_of(product, owner)
    local text = load_record("waiting", record_id(product, owner))
    return text and decode_waiter(product, owner, text) or nil
end

-- Places that the customer has in all lines, and the hash that stands for it; nil: it is nobody's.
local function places_of_customer(whom)
    local customer = match(whom, "^[^\t]+")
    if not customer then
        return 0, nil
    end
    local name = sub(redis.sha1hex(customer), 1, CUSTOMER_DIGITS)
    if not places[name] then
        places[name] = tonumber(redis.call("HGET", waits_key, name) or "") or 0
    end
    return places[name], name
end

-- Who stands where in line: those who joined in this batch stand behind all others.
local function position_of(product, owner)
    local line = lines_of[product.id]
    for i = 2, line and #line.joined or 0, 2 do
        if line.joined[i] == owner then
            return product.waiting - (#line.joined - i) / 2
        end
    end
    local rank = redis.call("ZRANK", waiting_key(product.id), owner)
    return rank and rank + 1 or 0
end

local function change_line(product, whom, by)
    local line = lines_of[product.id]
    if not line then
        redis.call("ZCARD", waiting_key(product.id))
        line = { joined = {}, left = {} }
        lines_of[product.id] = line
        waited[#waited + 1] = product
    end
    local units, customer = places_of_customer(whom)
    if customer then
        places[customer] = max(0, units + by)
        places_changed[customer] = true
    end
    local waiting = (product.waiting or 0) + by
    product.waiting = waiting > 0 and waiting or nil
    return line
end

-- At the end of the line.
local function join_line(product, waiter, context)
    local line = change_line(product, waiter.whom, 1)
    waiter.joined_at = decimal[now]
    waiter.joined = decimal[seq + 1]
    line.joined[#line.joined + 1] = waiter.joined
    line.joined[#line.joined + 1] = waiter.owner
    put_record("waiting", record_id(product.id, waiter.owner), encode_waiter(waiter), context)
end

local function leave_line(product, waiter, context)
    local line = change_line(product, waiter.whom, -1)
    line.left[#line.left + 1] = waiter.owner
    put_record("waiting", record_id(product.id, waiter.owner), "", context)
end

local function write_line(product)
    local line = lines_of[product.id]
    call_in_parts("ZADD", waiting_key(product.id), line.joined)
    call_in_parts("ZREM", waiting_key(product.id), line.left)
    if product.waiting then
        redis.call("HSET", stock_key(product.id), "waiting", decimal[product.waiting])
        local has_free = available(product) > 0 and "1" or "0"
        redis.call("ZADD", waited_key, has_free, product.id)
    else
        redis.call("HDEL", stock_key(product.id), "waiting")
        redis.call("ZREM", waited_key, product.id)
    end
end

beside[#beside + 1] = {
    lines = record_lines,
    check = function()
        redis.call("ZCARD", waited_key)
        redis.call("HLEN", waits_key)
    end,
    write = function()
        for _, product in ipairs(waited) do
            write_line(product)
        end
        for name in pairs(places_changed) do
            if places[name] > 0 then
                redis.call("HSET", waits_key, name, decimal[places[name]])
            else
                redis.call("HDEL", waits_key, name)
            end
        end
        write_records()
    end,
}
