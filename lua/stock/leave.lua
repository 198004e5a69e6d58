#!lua
-- Purpose: takes an owner out of the line for a product. A hold that was offered to it stays.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), records:waiting (hash, rw),
--          waiting:<product> (zset, rw), waited (zset, rw), waits (hash, rw), reservation:<owner> (string, r),
--          operation:<key> (string, rw), journal (stream, w), batch:<writer>:<slot> (string, rw),
--          rate:<identity> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: product, owner, operation key,
--          payload, context.
-- Returns  a status line and a line for each item: left <waiting>, absent <waiting>,
--          held <record>, unknown, replayed <reply>, key_reused, limited <ms until there is room>.
--          Or stale, superseded, full.
-- Cost     O(items), a read and a write of each place, of each customer's count and of each operation key.
-- Retry    safe: who has left is absent.
-- @include lib/waiting.lua

local ITEM = "^([%w_.-]+)\t(%x+)\t(%x*)\t(%x*)\t()"

local items, owners = {}, {}
for i = 2, #ARGV do
    local product, owner, key, payload, at = match(ARGV[i], ITEM)
    local context = read_context(ARGV[i], at)
    items[i - 1] =
        { product = product, owner = owner, key = key, payload = payload, context = context }
    owners[i - 1] = owner
end

local refusal = open_batch(true)
if refusal then
    return refusal
end
load_holds(owners)

local function leave(item)
    local replay = earlier_reply(item.key, item.payload)
    if replay then
        return replay
    end
    local product = load_product(item.product)
    if not product then
        return "unknown"
    end
    local waiter = waiter_of(product.id, item.owner)
    if waiter then
        leave_line(product, waiter, item.context)
        local reply = "left\t" .. decimal[product.waiting or 0]
        return remember_reply(item.key, item.payload, reply)
    end
    local hold = records[item.owner]
    if hold and hold.state == "ACTIVE" and not is_due(hold) then
        return "held\t" .. encode_hold(hold)
    end
    return "absent\t" .. decimal[product.waiting or 0]
end

local replies = {}
for i = 1, #items do
    replies[i] = refusal_of(i) or leave(items[i])
end
return close_holds(replies)
