#!lua
-- Purpose: takes back units that an order was sold, never more than that. What the order was sold
--          and what came back of it is the ledger's word up to a seq; a later return makes it stale.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), operation:<key> (string, rw),
--          limit:<rule>:<window> (hash, rw), limited (hash, r), records:limit (hash, r),
--          return:<owner> (string, rw), low (zset, rw), waited (zset, rw), journal (stream, rw),
--          batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: product, location (empty:
--          home), quantity (1 … 10^9), disposition (restock|scrap), owner (hash of order and
--          product), seq of the ledger, units sold, units returned, the order's customer (JSON string;
--          empty: none), what it was sold and what came back of that, in their order (`ms=units;` each, ms:
--          when what was sold began to count, empty: it came back; `ms=units~<campaign>;` what was sold through
--          one), operation key, payload, context.
-- Returns  a status line and a line for each item: returned <sold> <returned> <product>,
--          exceeds <sold> <returned>, above_limit <limit> <onHand>, unknown, replayed <reply>, key_reused,
--          moved (the order may have had a return that the ledger's word lacks, or a sale that a limit
--          counts: ask the ledger again).
--          Or stale, superseded, full.
-- Cost     O(items), two movements for what is scrapped, a read and a write of each operation key; of a
--          product that has a limit and has changed since, the journal from there on.
-- Retry    safe under the same batch name or operation key; else a repeat is a new return.
-- @include lib/products.lua
-- @include lib/later-sales.lua

local RETURN_KEEP_SECONDS = 3600 -- far longer than a request may take: docs/decisions/0009-returns.md
local HEAD = "^([%w_.-]+)\t([%w _.-]*)\t(%d+)\t(%l+)\t(%x+)\t(%d+)\t(%d+)\t(%d+)\t()"
local LIMIT = "^([^\t\n]*)\t([%w=;~-]*)\t(%x*)\t(%x*)\t()" -- behind it
local DISPOSITIONS = { restock = true, scrap = true }

local items = {}
for i = 2, #ARGV do
    local product, location, quantity, disposition, owner, as_of, sold, returned, limit_at =
        match(ARGV[i], HEAD)
    local customer, steps, key, payload, at = match(ARGV[i], LIMIT, limit_at)
    local item = {
        product = product,
        location = location,
        quantity = tonumber(quantity),
        disposition = disposition,
        owner = owner,
        as_of = tonumber(as_of),
        sold = tonumber(sold),
        returned = tonumber(returned),
        whom = customer,
        steps = steps,
        key = key,
        payload = payload,
        context = read_context(ARGV[i], at),
    }
    local is_known = DISPOSITIONS[disposition]
    if not is_known or item.quantity < 1 or item.quantity > QUANTITY_MAX then
        error("an item of return cannot be read")
    end
    items[i - 1] = item
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

-- A word older than this epoch counts as stale: what Redis knew of returns may have been lost.
local began_at = tonumber(redis.call("HGET", meta_key, "beganAt") or "")
if not began_at then
    return "stale" -- a bit was turned: begin, which is asked next, fences such a meta
end
local last_returns = {} -- owner → seq of its last return, 0 for none
local new_returns = {} -- owners that returned something in this batch

local function last_return(owner)
    if not last_returns[owner] then
        last_returns[owner] = tonumber(redis.call("GET", return_key(owner)) or "0")
    end
    return last_returns[owner]
end

local function take_back(item)
    local earlier = earlier_reply(item.key, item.payload)
    if earlier then
        return earlier
    end
    local product = load_whole(item.product)
    if not product then
        return "unknown"
    end
    if item.as_of < math.max(began_at, last_return(item.owner)) then
        return "moved"
    end
    -- What a limit gives back of it depends on what the order was sold before it.
    local is_behind = product.rules and item.as_of < tonumber(product.attributes.seq)
    if is_behind and was_sold_since(product.id, item.context, item.as_of) then
        return "moved"
    end
    local returned = item.returned + item.quantity
    if returned > item.sold then
        return string.format("exceeds\t%d\t%d", item.sold, item.returned)
    end
    local location = item.location ~= "" and item.location or product.attributes.home
    local above = above_limit(product, location, item.quantity)
    if above then
        return above
    end
    make_level(product, location)
    move("RETURN", product, location, item.quantity, 0, "", item.context)
    if product.rules then
        limits.count_back(product, item, item.steps, item.quantity)
    end
    last_returns[item.owner] = seq
    new_returns[#new_returns + 1] = item.owner
    if item.disposition == "scrap" then
        move("ADJUSTMENT", product, location, -item.quantity, 0, "", item.context)
    end
    local reply =
        string.format("returned\t%d\t%d\t%s", item.sold, returned, encode_product(product))
    return remember_reply(item.key, item.payload, reply)
end

return answer_products(items, take_back, function()
    for _, owner in ipairs(new_returns) do
        local text = string.format("%d", last_returns[owner])
        redis.call("SET", return_key(owner), text, "EX", RETURN_KEEP_SECONDS)
    end
end)
