-- Newest first; ranges of seq are visited from the newest until the limit is reached.
-- $1 product, $2 limit.
SELECT
  partition, seq, epoch, type, product_id AS "productId", location,
  on_hand_before AS "onHandBefore", on_hand_after AS "onHandAfter",
  reserved_before AS "reservedBefore", reserved_after AS "reservedAfter",
  reservation_id AS "reservationId", order_id AS "orderId", customer_id AS "customerId",
  actor, reason, reference, request_id AS "requestId",
  (extract(epoch FROM at) * 1000)::bigint AS at
FROM movements WHERE product_id = $1
ORDER BY seq DESC
LIMIT $2
