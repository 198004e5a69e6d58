-- Products whose available units are at or below their reorder point, by id, with what is expected of
-- each. $1 last id of the page before ('' for the first), $2 limit.
SELECT
  product.product_id AS "productId", coalesce(units, 0)::bigint AS incoming,
  (extract(epoch FROM next_at) * 1000)::bigint AS "nextExpectedAt"
FROM products AS product
CROSS JOIN LATERAL (
  SELECT coalesce(sum(on_hand - reserved), 0) - product.safety_stock AS available
  FROM levels LEFT JOIN locations USING (location)
  WHERE levels.product_id = product.product_id AND active IS NOT FALSE AND strpos(location, '~') = 0
) AS stock
LEFT JOIN LATERAL (
  SELECT sum(quantity - received) AS units, min(expected_at) AS next_at FROM incoming
  WHERE incoming.product_id = product.product_id AND NOT cancelled AND received < quantity
) AS expected ON true
WHERE product.product_id > $1 AND available <= product.reorder_point
ORDER BY product.product_id
LIMIT $2
