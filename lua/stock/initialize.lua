#!lua
-- Purpose: makes a product with its first stock at its home location.
-- KEYS[1]  {pN}:meta (hash, rw); builds stock:<product> (hash, rw), operation:<key> (string, rw),
--          low (zset, rw), journal (stream, w), batch:<writer>:<slot> (string, rw).
-- ARGV[1]  header (lib/batch.lua). ARGV[2..] one item each, tab-separated: product, sku, name, price,
--          lowStockThreshold, reorderPoint, reorderQuantity, safetyStock, maxPerCustomer, location,
--          units (0 … 10^12), operation key, payload, context. Empty: not given.
-- Returns  a status line and a line for each item: initialized|exists <product>, replayed <reply>,
--          key_reused. Or stale, superseded, full.
-- Cost     O(items), a read and a write of each operation key.
-- Retry    safe under the same batch name; a new batch answers exists.
-- @include lib/products.lua

local ITEM = "^([%w_.-]+)\t([%w_.-]+)\t([^\t\n]*)\t([%d.]*)\t(%d+)\t(%d+)\t(%d+)\t(%d+)\t(%d*)"
    .. "\t([%w _.-]+)\t(%d+)\t(%x*)\t(%x*)\t([^\t\n]+)$"

local items = {}
for i = 2, #ARGV do
    local item = { string.match(ARGV[i], ITEM) }
    if not item[1] or tonumber(item[11]) > STOCK_MAX then
        error("an item of initialize cannot be read")
    end
    items[i - 1] = item
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

local function initialize(item)
    local id, location, key, payload = item[1], item[10], item[12], item[13]
    local earlier = earlier_reply(key, payload)
    if earlier then
        return earlier
    end
    local existing = load_whole(id)
    if existing then
        return "exists\t" .. encode_product(existing)
    end
    local product = new_product(id, { location }, tonumber(item[8]), tonumber(item[5]))
    products[id] = product
    add_level(product, location, 0, 0)
    product.attributes = {}
    local at = decimal[now]
    amend_fields(product, {
        productId = id,
        sku = item[2],
        name = item[3],
        price = item[4],
        lowStockThreshold = item[5],
        reorderPoint = item[6],
        reorderQuantity = item[7],
        safetyStock = item[8],
        maxPerCustomer = item[9],
        home = location,
        locations = location,
        createdAt = at,
        lastRestocked = tonumber(item[11]) > 0 and at or "",
    })
    move("INITIAL", product, location, tonumber(item[11]), 0, "", item[14])
    return remember_reply(key, payload, "initialized\t" .. encode_product(product))
end

return answer_products(items, initialize)
