-- Products of a partition as they are after the cursor. $1 partition.
SELECT
  product_id AS "productId", sku, name, price::float8 AS price, home, products.locations,
  low_stock_threshold AS "lowStockThreshold", reorder_point AS "reorderPoint",
  reorder_quantity AS "reorderQuantity", safety_stock AS "safetyStock",
  max_per_customer AS "maxPerCustomer",
  (extract(epoch FROM limit_since) * 1000)::bigint AS "limitSince",
  greatest(products.seq, level.seq) AS seq,
  (extract(epoch FROM created_at) * 1000)::bigint AS "createdAt",
  (extract(epoch FROM greatest(products.updated_at, level.updated_at)) * 1000)::bigint AS "updatedAt",
  (extract(epoch FROM greatest(last_restocked, level.restocked_at)) * 1000)::bigint
    AS "lastRestocked",
  coalesce(level.counts, '{}'::json) AS counts
FROM products
LEFT JOIN LATERAL (
  SELECT
    max(seq) AS seq, max(updated_at) AS updated_at, max(restocked_at) AS restocked_at,
    json_object_agg(location, ARRAY[on_hand, reserved]) AS counts
  FROM levels WHERE levels.product_id = products.product_id
) AS level ON true
WHERE partition = $1
