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

-- The fields of a product that an item begins with, in its order.
local FIELDS = {
    "productId",
    "sku",
    "name",
    "price",
    "lowStockThreshold",
    "reorderPoint",
    "reorderQuantity",
    "safetyStock",
    "maxPerCustomer",
    "home",
}

local items = {}
for i = 2, #ARGV do
    local parts = { string.match(ARGV[i], ITEM) }
    local units, key, payload, context = unpack(parts, #FIELDS + 1, #FIELDS + 4)
    if not units or tonumber(units) > STOCK_MAX then
        error("an item of initialize cannot be read")
    end
    local fields = {}
    for place, name in ipairs(FIELDS) do
        fields[name] = parts[place]
    end
    local item = { fields = fields, key = key, payload = payload, context = context }
    item.units = tonumber(units)
    items[i - 1] = item
end

local refusal = open_batch(true)
if refusal then
    return refusal
end

local function initialize(item)
    local fields = item.fields
    local earlier = earlier_reply(item.key, item.payload)
    if earlier then
        return earlier
    end
    local existing = load_whole(fields.productId)
    if existing then
        return "exists\t" .. encode_product(existing)
    end
    local safety, threshold = tonumber(fields.safetyStock), tonumber(fields.lowStockThreshold)
    local product = new_product(fields.productId, { fields.home }, safety, threshold)
    products[fields.productId] = product
    add_level(product, fields.home, 0, 0)
    product.attributes = {}
    fields.locations = fields.home
    fields.createdAt = decimal[now]
    fields.lastRestocked = item.units > 0 and decimal[now] or ""
    amend_fields(product, fields)
    move("INITIAL", product, fields.home, item.units, 0, "", item.context)
    return remember_reply(item.key, item.payload, "initialized\t" .. encode_product(product))
end

return answer_products(items, initialize)
