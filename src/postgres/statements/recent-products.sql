-- A numbered page of products and how many there are, both of one state: newest change first. It
-- changed with the last movement of any of its levels. $1 status, $2 location: null is any. $3
-- whether only those at or below their threshold. $4 rows before the page, $5 limit. No index has
-- the order: it would name a column that changes with every movement.
WITH stock AS (
  SELECT
    product.product_id, product.low_stock_threshold, max(level.updated_at) AS changed_at,
    coalesce(sum(on_hand - reserved) FILTER (WHERE active IS NOT FALSE AND strpos(location, '~') = 0), 0)
      - product.safety_stock AS available
  FROM products AS product JOIN levels AS level USING (product_id) LEFT JOIN locations USING (location)
  WHERE $2::text IS NULL OR EXISTS (
    SELECT FROM levels WHERE levels.product_id = product.product_id AND levels.location = $2
  )
  GROUP BY product.product_id
),
found AS (
  SELECT product_id, changed_at FROM stock
  WHERE (NOT $3::boolean OR available <= low_stock_threshold)
    AND ($1::text IS NULL OR $1 = CASE
      WHEN available <= 0 THEN 'out_of_stock'
      WHEN available <= low_stock_threshold THEN 'low_stock'
      ELSE 'in_stock'
    END)
)
SELECT
  count(*)::integer AS total,
  ARRAY(
    SELECT product_id FROM found ORDER BY changed_at DESC, product_id OFFSET $4 LIMIT $5
  ) AS items
FROM found
