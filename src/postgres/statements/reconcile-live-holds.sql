-- The live ones among the next $4 reservations behind $1 owner, $2 generation, $3 partition; the last
-- row tells how far that is, live or not.
WITH page AS (
  SELECT * FROM reservations
  WHERE (owner, generation, partition) > ($1::uuid, $2, $3)
  ORDER BY owner, generation, partition
  LIMIT $4
),
numbered AS (
  SELECT *, lead(owner) OVER (ORDER BY owner, generation, partition) IS NULL AS "isLast" FROM page
)
SELECT
  partition, owner, generation, order_id AS "orderId", customer_id AS "customerId", status,
  end_reason AS "endReason", allocations, seq,
  CASE WHEN isfinite(created_at) THEN (extract(epoch FROM created_at) * 1000)::bigint END AS "createdAt",
  CASE WHEN isfinite(expires_at) THEN (extract(epoch FROM expires_at) * 1000)::bigint
    WHEN expires_at IS NOT NULL THEN 0 END AS "expiresAt", "isLast"
FROM numbered
WHERE status = 'ACTIVE' OR "isLast"
ORDER BY owner, generation, partition
