-- The live hold of $2 owner in $1 partition.
SELECT
  partition, owner, generation, order_id AS "orderId", customer_id AS "customerId", status,
  end_reason AS "endReason", allocations, seq,
  (extract(epoch FROM created_at) * 1000)::bigint AS "createdAt",
  (extract(epoch FROM expires_at) * 1000)::bigint AS "expiresAt"
FROM reservations
WHERE owner = $2::uuid AND partition = $1 AND status = 'ACTIVE'
ORDER BY seq DESC
LIMIT 1
