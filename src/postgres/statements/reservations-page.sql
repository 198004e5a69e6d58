-- Newest first, by a key that never changes. $1 order, $2 customer, $3 status: a filter that is
-- null is none. $4 … $7 key of the last row of the page before, $4 null for the first. $8 limit.
SELECT
  partition, owner, generation, order_id AS "orderId", customer_id AS "customerId", status,
  end_reason AS "endReason", allocations, seq,
  (extract(epoch FROM created_at) * 1000)::bigint AS "createdAt",
  (extract(epoch FROM expires_at) * 1000)::bigint AS "expiresAt"
FROM reservations
WHERE ($1::text IS NULL OR order_id = $1)
  AND ($2::text IS NULL OR customer_id = $2)
  AND ($3::text IS NULL OR status = $3)
  AND ($4::bigint IS NULL OR (created_at, owner, generation, partition)
    < (to_timestamp($4::bigint / 1000.0::float8), $5::uuid, $6::text, $7::integer))
ORDER BY created_at DESC, owner DESC, generation DESC, partition DESC
LIMIT $8
