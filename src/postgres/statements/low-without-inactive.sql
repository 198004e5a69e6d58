-- Products with units at inactive locations or in ring-fences of campaigns that are low because those are
-- not available, lowest first. $1 limit.
SELECT product.product_id AS "productId"
FROM (
  SELECT product_id FROM locations JOIN levels USING (location)
  WHERE NOT active AND on_hand > reserved
  UNION
  SELECT product_id FROM levels WHERE strpos(location, '~') > 0 AND on_hand > reserved
) AS idle
JOIN products AS product USING (product_id)
CROSS JOIN LATERAL (
  SELECT coalesce(sum(on_hand - reserved), 0) - product.safety_stock AS available
  FROM levels LEFT JOIN locations USING (location)
  WHERE levels.product_id = product.product_id AND active IS NOT FALSE AND strpos(location, '~') = 0
) AS stock
WHERE available <= product.low_stock_threshold
ORDER BY available, product.product_id
LIMIT $1
