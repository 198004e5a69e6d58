-- The end of a batch: what it changed is written, all of it, after the last thing that may fail.
-- @include lib/stock.lua

local operation_lines -- lines of the journal, as lib/operations.lua has them
local beside = {} -- what is kept beside stock, by who keeps it: check, write, and lines of the journal

local PART_MAX = 1000 -- arguments of one call; even, and far below the 8 000 where `unpack` ends

-- Calls a command with a list that a batch of carts makes longer than one call can take.
local function call_in_parts(command, key, list)
    for first = 1, #list, PART_MAX do
        local last = math.min(first + PART_MAX - 1, #list)
        redis.call(command, key, unpack(list, first, last))
    end
end

-- What changes in the low set: products at or below their threshold, scored by what is unreserved.
-- And whether somebody waits for one of them.
local function low_changes()
    local add, remove, is_waited = {}, {}, false
    for i = 1, #changed_products do
        local product = changed_products[i]
        is_waited = is_waited or product.waiting
        local units = unreserved(product)
        local is_low = units <= product.threshold
        if is_low and (not product.was_low or units ~= product.unreserved_before) then
            add[#add + 1] = decimal[units]
            add[#add + 1] = product.id
        elseif product.was_low and not is_low then
            remove[#remove + 1] = product.id
        end
    end
    return add, remove, is_waited
end

-- Which of the products that somebody waits for have units to offer, for who offers them.
local function write_waited()
    for i = 1, #changed_products do
        local product = changed_products[i]
        if product.waiting then
            local has_free = available(product) > 0 and "1" or "0"
            redis.call("ZADD", waited_key, has_free, product.id)
        end
    end
end

-- A line for each product that the batch leaves with another grade than it found: seq of the movement
-- that brought it there, grade, product, and what is available after the batch. A new product had none.
local function crossings()
    local lines = {}
    for i = 1, #changed_products do
        local product = changed_products[i]
        if product.grade_before and product.grade ~= product.grade_before then
            local free = decimal[math.max(0, available(product))]
            local at = decimal[product.graded_at]
            lines[#lines + 1] = at .. "\t" .. product.grade .. "\t" .. product.id .. "\t" .. free
        end
    end
    return lines
end

local function fields_to_write(product)
    local fields = { "seq", decimal[product.seq], "updatedAt", decimal[now] }
    for i = 1, #product.locations do
        local location = product.locations[i]
        local level = product.levels[location]
        if level.changed then
            fields[#fields + 1] = "onHand:" .. location
            fields[#fields + 1] = decimal[level.on_hand]
            fields[#fields + 1] = "reserved:" .. location
            fields[#fields + 1] = decimal[level.reserved]
        end
    end
    for name, value in pairs(product.fields) do
        fields[#fields + 1] = name
        fields[#fields + 1] = value
    end
    return fields
end

-- Ends a batch. `part` is what the verb adds: check() reads the type of each key it will write,
-- write() writes them; holds, products and locations are lines of the journal entry. A batch that changed
-- nothing writes nothing but what was charged, so a refusal costs no fsync where requests are not
-- limited; what it answered under a key is kept in Redis alone, for there is no movement that could
-- carry it to the ledger.
local function close_batch(replies, part)
    local answer = answer_of(replies)
    if seq == first_seq then
        local has_operations = #operation_lines() > 0
        if has_operations then
            part.write()
        end
        -- Sent again, it must not be charged again.
        if write_charges() or has_operations or header.keep == "1" then
            keep_answer(answer)
        end
        return answer
    end
    local low_add, low_remove, is_waited = low_changes()
    if #low_add + #low_remove > 0 then
        redis.call("ZCARD", low_key)
    end
    if is_waited then
        redis.call("ZCARD", waited_key)
    end
    part.check()
    for _, kept in ipairs(beside) do
        kept.check()
        part.records = kept.lines()
    end
    part.operations = operation_lines()
    part.crossings = crossings()
    append_journal(part)
    for _, product in ipairs(changed_products) do
        redis.call("HSET", stock_key(product.id), unpack(fields_to_write(product)))
    end
    call_in_parts("ZADD", low_key, low_add)
    call_in_parts("ZREM", low_key, low_remove)
    if limits then
        limits.write()
    end
    if is_waited then
        write_waited()
    end
    for _, kept in ipairs(beside) do
        kept.write()
    end
    part.write()
    write_charges()
    write_meta()
    keep_answer(answer)
    return answer
end
