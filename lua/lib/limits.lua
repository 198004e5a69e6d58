-- How many units of a product one customer may have, over all of its orders: those that it holds and those
-- that it bought, less what came back. They stand in a hash of each rule, customer → units; for now every
-- limit is a rule of its own product, and its window never ends.
-- A hold counts from when the product got its limit on, so that its own record says whether it is counted;
-- a hold of no customer never is. A script that meets no product with a limit reads and writes nothing here,
-- nor does it make what is needed for one.
-- @include lib/batch.lua

local limits -- what is done with limits; made with the first product that has one

-- Its functions are found at the products that need them, and use nothing of lib/library.lua: whatever else a
-- script begins with costs each of its calls.
local function make_limits()
    local CUSTOMER_DIGITS = 32 -- of the hash that stands for a customer; twin: src/inventory/limits.ts
    local limited = {} -- products with a limit that this batch met
    local customer_names = {} -- customer (JSON string) → its hash

    -- Whether the product's limit counts what is taken at that moment (ms). whose: what has the customer as
    -- the first field of its `whom`, a hold or an item.
    local function is_counted(product, whose, created)
        return string.match(whose.whom, "^[^\t]+") and created >= product.limit_since
    end

    -- Answers the hash that stands for the customer as well.
    local function units_of(product, whose)
        local customer = string.match(whose.whom, "^[^\t]*")
        local name = customer_names[customer]
        if not name then
            name = string.sub(redis.sha1hex(customer), 1, CUSTOMER_DIGITS)
            customer_names[customer] = name
        end
        local units = product.counts[name]
        if not units then
            local text = redis.call("HGET", limit_key(product.id), name)
            units = text and string.match(text, "^%d+$") and tonumber(text) or 0
            product.counts[name] = units
        end
        return units, name
    end

    -- The one way a count changes. What was never counted cannot be given back.
    local function count(product, whose, created, units)
        if units == 0 or not is_counted(product, whose, created) then
            return
        end
        local before, name = units_of(product, whose)
        product.counts[name] = math.max(0, before + units)
        product.counts_changed[name] = true
    end

    -- A count that is zero leaves no field, and the last one no key. A batch has far fewer customers than
    -- one call takes.
    local function write()
        for _, product in ipairs(limited) do
            local put, removed = {}, {}
            for name in pairs(product.counts_changed) do
                local units = product.counts[name]
                if units > 0 then
                    put[#put + 1] = name
                    put[#put + 1] = decimal[units]
                else
                    removed[#removed + 1] = name
                end
            end
            if #put > 0 then
                redis.call("HSET", limit_key(product.id), unpack(put))
            end
            if #removed > 0 then
                redis.call("HDEL", limit_key(product.id), unpack(removed))
            end
        end
    end

    limits = {
        products = limited,
        is_counted = is_counted,
        units_of = units_of,
        count = count,
        write = write,
    }
end

-- Of a product that has a limit; it begins with the product where nobody said since when it has one.
local function set_limit(product, units)
    if not limits then
        make_limits()
    end
    local since = redis.call("HMGET", stock_key(product.id), "limitSince", "createdAt")
    product.limits = limits
    product.limit = tonumber(units) or math.huge
    product.limit_since = tonumber(since[1] or "") or tonumber(since[2] or "") or 0
    product.counts = {} -- hash of a customer → its units, as far as they were asked for
    product.counts_changed = {} -- hashes of customers
    limits.products[#limits.products + 1] = product
end
