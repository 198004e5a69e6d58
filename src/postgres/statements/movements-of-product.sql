-- Newest first, merged from the product's levels: each is read from its end, up to the limit.
-- $1 product, $2 limit.
SELECT
  movement.partition, movement.seq, epoch, type, movement.product_id AS "productId",
  movement.location, on_hand_before AS "onHandBefore", on_hand_after AS "onHandAfter",
  reserved_before AS "reservedBefore", reserved_after AS "reservedAfter",
  reservation_id AS "reservationId", order_id AS "orderId", customer_id AS "customerId",
  actor, reason, reference, request_id AS "requestId",
  (extract(epoch FROM at) * 1000)::bigint AS at
FROM levels
CROSS JOIN LATERAL (
  SELECT * FROM movements
  WHERE product_id = levels.product_id AND location = levels.location
  ORDER BY seq DESC
  LIMIT $2
) AS movement
WHERE levels.product_id = $1
ORDER BY movement.seq DESC
LIMIT $2
