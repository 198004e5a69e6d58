-- Of $1 partition, movements above $2, up to $3: what they did to each hold, level by level.
SELECT
  reservation_id AS "reservationId", min(order_id) AS "orderId", product_id AS "productId", location,
  sum(reserved_after - reserved_before)::bigint AS held,
  coalesce(sum(on_hand_before - on_hand_after) FILTER (WHERE type = 'SALE'), 0)::bigint AS confirmed,
  coalesce(sum(reserved_before - reserved_after)
    FILTER (WHERE type IN ('RELEASE', 'EXPIRE')), 0)::bigint AS released,
  (extract(epoch FROM min(at)) * 1000)::bigint AS since,
  max(seq)::bigint AS seq,
  (array_agg(type ORDER BY seq DESC))[1] = 'EXPIRE' AS "isExpired"
FROM movements
WHERE partition = $1 AND seq > $2 AND seq <= $3
  AND reservation_id IS NOT NULL AND product_id IS NOT NULL
GROUP BY reservation_id, product_id, location
