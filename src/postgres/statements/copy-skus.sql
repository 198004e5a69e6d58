-- Whose each SKU is, over all partitions.
SELECT
  sku, product_id AS "productId", (extract(epoch FROM created_at) * 1000)::bigint AS "createdAt"
FROM products
