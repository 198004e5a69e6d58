-- $1 owners, $2 generations, $3 partitions: one array each. LATERAL: one by one through the index.
SELECT
  partition, owner, generation, order_id AS "orderId", customer_id AS "customerId", status,
  end_reason AS "endReason", allocations, seq,
  CASE WHEN isfinite(created_at) THEN (extract(epoch FROM created_at) * 1000)::bigint END AS "createdAt",
  CASE WHEN isfinite(expires_at) THEN (extract(epoch FROM expires_at) * 1000)::bigint
    WHEN expires_at IS NOT NULL THEN 0 END AS "expiresAt"
FROM unnest($1::uuid[], $2::text[], $3::integer[]) AS asked (its_owner, its_generation, its_partition)
CROSS JOIN LATERAL (
  SELECT * FROM reservations
  WHERE owner = its_owner AND generation = its_generation AND partition = its_partition
  OFFSET 0
) AS reservation
