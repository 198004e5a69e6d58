-- What the movements of $1 hold did, level by level. An order has an index; a hold of none is met at its
-- $3 products. $2 its order.
SELECT
  product_id AS "productId", location,
  sum(reserved_after - reserved_before)::bigint AS held,
  coalesce(sum(on_hand_before - on_hand_after) FILTER (WHERE type = 'SALE'), 0)::bigint AS confirmed,
  coalesce(sum(reserved_before - reserved_after)
    FILTER (WHERE type IN ('RELEASE', 'EXPIRE')), 0)::bigint AS released,
  -- A hold begins with what it takes; what it was sold as after its end, with a sale.
  (array_agg(type ORDER BY seq))[1] IN ('RESERVE', 'SALE') AS "isWhole",
  max(seq)::bigint AS seq
FROM movements
WHERE reservation_id = $1 AND product_id IS NOT NULL
  AND (order_id = $2 OR ($2::text IS NULL AND order_id IS NULL AND product_id = ANY ($3::text[])))
GROUP BY product_id, location
