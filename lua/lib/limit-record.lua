-- Limits that have a name, as records (lib/records.lua) of the kind `limit`. A record is tab-separated text,
-- format 1: 1, since when it counts (ms), version (seq of its last change), most units, hours of its window
-- (0: it has none), what it counts (taken: held and sold, held: held alone), most live holds (empty: any
-- number), created, updated (ms), and its products by comma (*: all), in order.
-- What is found by product is derived from them: `limited` has the ids of those that name one, and the
-- meta those over all products; it has the field as long as there is any record.
-- Twin: src/redis/limit-record.ts.
-- @include lib/operations.lua
-- @include lib/records.lua

local LIMITS_MAX = 100 -- of a partition; twin: LIMITS_MAX in src/inventory/limits.ts
local LIMITS_OF_PRODUCT_MAX = 8 -- and as many over all products; twin: src/inventory/limits.ts
local HOUR_MS = 3600000
local EVERYTHING = "*"
local FORMAT = "^1\t(%d+)\t(%d+)\t(%d+)\t(%d+)\t(%l+)\t(%d*)\t(%d+)\t(%d+)\t([^\t\n]+)$"

local index = {} -- product → ids of the limits that name it; EVERYTHING → of those over all
local changed_index = {} -- product → true
local forgotten = {} -- keys of counts that end
local kept_count -- how many records there are

local function decode_limit(text)
    local limit = {}
    limit.since, limit.version, limit.units, limit.hours, limit.counts, limit.holds, limit.created, limit.updated, limit.products =
        string.match(text, FORMAT)
    if not limit.since then
        error("the record of a limit cannot be read")
    end
    return limit
end

local function encode_limit(limit)
    local counts = { "1", limit.since, limit.version, limit.units, limit.hours }
    local rest = { limit.counts, limit.holds, limit.created, limit.updated, limit.products }
    return table.concat(counts, "\t") .. "\t" .. table.concat(rest, "\t")
end

local function load_limit(id)
    local text = load_record("limit", id)
    return text and decode_limit(text), text
end

local function count_limits()
    kept_count = kept_count or redis.call("HLEN", record_key("limit"))
    return kept_count
end

local function ids_of(product)
    if not index[product] then
        local text = limit_ids
        if product ~= EVERYTHING then
            text = redis.call("HGET", limited_key, product)
        end
        index[product] = {}
        for id in string.gmatch(text or "", "[^,]+") do
            table.insert(index[product], id)
        end
    end
    return index[product]
end

local function products_of(limit)
    local products_named = {}
    for product in string.gmatch(limit and limit.products or "", "[^,]+") do
        products_named[#products_named + 1] = product
    end
    return products_named
end

local function leave(id, limit)
    for _, product in ipairs(products_of(limit)) do
        local ids = ids_of(product)
        for i = #ids, 1, -1 do
            if ids[i] == id then
                table.remove(ids, i)
            end
        end
        changed_index[product] = true
    end
end

local function join(id, limit)
    for _, product in ipairs(products_of(limit)) do
        table.insert(ids_of(product), id)
        changed_index[product] = true
    end
end

-- Its counts end. Those of earlier windows end by themselves.
local function forget_counts(id, limit)
    local window_ms = tonumber(limit.hours) * HOUR_MS
    local window = window_ms > 0 and decimal[math.floor(now / window_ms)] or "always"
    forgotten[#forgotten + 1] = rule_key(id, window)
end

-- The one way a limit with a name changes; limit nil: it is removed.
local function put_limit(id, before, limit, context)
    leave(id, before)
    join(id, limit)
    kept_count = count_limits() + (limit and 1 or 0) - (before and 1 or 0)
    put_record("limit", id, limit and encode_limit(limit) or "", context)
end

-- Runs the verb for each item in order, and ends the batch. write_more() ends what it writes.
local function answer_limits(items, verb, write_more)
    local replies = {}
    for i, item in ipairs(items) do
        replies[i] = verb(item)
    end
    local function check()
        redis.call("HLEN", limited_key)
    end
    local function write()
        write_records()
        for product in pairs(changed_index) do
            local ids = table.concat(index[product], ",")
            if product ~= EVERYTHING and ids ~= "" then
                redis.call("HSET", limited_key, product, ids)
            elseif product ~= EVERYTHING then
                redis.call("HDEL", limited_key, product)
            end
        end
        if count_limits() == 0 then
            redis.call("HDEL", meta_key, "limits")
        else
            redis.call("HSET", meta_key, "limits", table.concat(ids_of(EVERYTHING), ","))
        end
        for _, key in ipairs(forgotten) do
            redis.call("UNLINK", key)
        end
        write_operations()
        if write_more then
            write_more()
        end
    end
    return close_batch(replies, { check = check, write = write, records = record_lines() })
end
