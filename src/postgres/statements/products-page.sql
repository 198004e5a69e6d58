-- $1 last id of the page before ('' for the first), $2 pattern (ILIKE), $3 location, $4 status,
-- $5 limit. A filter that is null is none.
SELECT product_id AS "productId" FROM products AS product
WHERE product_id > $1
  AND ($2::text IS NULL OR product_id ILIKE $2 OR sku ILIKE $2 OR name ILIKE $2)
  AND ($3::text IS NULL OR EXISTS (
    SELECT FROM levels WHERE levels.product_id = product.product_id AND location = $3
  ))
  AND ($4::text IS NULL OR $4 = (
    SELECT CASE
      WHEN available <= 0 THEN 'out_of_stock'
      WHEN available <= product.low_stock_threshold THEN 'low_stock'
      ELSE 'in_stock'
    END
    FROM (
      SELECT coalesce(sum(on_hand - reserved), 0) - product.safety_stock AS available
      FROM levels LEFT JOIN locations USING (location)
      WHERE levels.product_id = product.product_id AND active IS NOT FALSE AND strpos(location, '~') = 0
    ) AS stock
  ))
ORDER BY product_id
LIMIT $5
