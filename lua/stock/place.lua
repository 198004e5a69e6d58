#!lua
-- Purpose: tells where an owner stands in the line for a product, or what was offered to it.
-- KEYS[1]  {pN}:meta (hash, r); builds stock:<product> (hash, r), records:waiting (hash, r),
--          waiting:<product> (zset, r), reservation:<owner> (string, r), batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: product, owner.
-- Returns  a status line and a line for each item: waiting <position> <waiting> <record of the place>,
--          held <record>, absent <waiting>, unknown. Or stale, superseded.
-- Cost     O(items).
-- Retry    safe: it reads.
-- @include lib/waiting.lua

local items, owners = {}, {}
for i = 2, #ARGV do
    local product, owner = match(ARGV[i], "^([%w_.-]+)\t(%x+)$")
    if not owner then
        error("an item of place cannot be read")
    end
    items[i - 1] = { product = product, owner = owner }
    owners[i - 1] = owner
end

local refusal = open_batch(false)
if refusal then
    return refusal
end
load_holds(owners)

local function place(item)
    local product = load_product(item.product)
    if not product then
        return "unknown"
    end
    local waiter = waiter_of(product.id, item.owner)
    if waiter then
        local position = decimal[position_of(product, item.owner)]
        local waiting = decimal[product.waiting or 0]
        return "waiting\t" .. position .. "\t" .. waiting .. "\t" .. encode_waiter(waiter)
    end
    local hold = records[item.owner]
    if hold and hold.state == "ACTIVE" and not is_due(hold) then
        return "held\t" .. encode_hold(hold)
    end
    return "absent\t" .. decimal[product.waiting or 0]
end

local replies = {}
for i = 1, #items do
    replies[i] = place(items[i])
end
return close_holds(replies)
