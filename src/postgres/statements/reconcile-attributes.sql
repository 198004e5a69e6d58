-- Attributes of $1 products, as text; empty where nobody named one.
SELECT product_id AS id, seq, json_build_object(
  'productId', product_id,
  'createdAt', (extract(epoch FROM created_at) * 1000)::bigint::text,
  'sku', sku, 'name', coalesce(name, ''), 'price', coalesce(price::float8::text, ''), 'home', home,
  'lowStockThreshold', low_stock_threshold::text, 'reorderPoint', reorder_point::text,
  'reorderQuantity', reorder_quantity::text, 'safetyStock', safety_stock::text,
  'maxPerCustomer', coalesce(max_per_customer::text, ''),
  'limitSince', coalesce((extract(epoch FROM limit_since) * 1000)::bigint::text, '')
) AS attributes
FROM products WHERE product_id = ANY ($1::text[])
