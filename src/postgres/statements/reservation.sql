-- $1 partition, $2 owner, $3 generation.
SELECT
  partition, owner, generation, order_id AS "orderId", customer_id AS "customerId", status,
  end_reason AS "endReason", allocations, seq,
  (extract(epoch FROM created_at) * 1000)::bigint AS "createdAt",
  (extract(epoch FROM expires_at) * 1000)::bigint AS "expiresAt"
FROM reservations WHERE owner = $2 AND generation = $3 AND partition = $1
