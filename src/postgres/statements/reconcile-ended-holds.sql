-- Of the next $4 reservations behind $1 owner, $2 generation, $3 partition: those that ended by a movement
-- which is none of theirs, or is still to come. What a lost movement was, nobody knows: a DRIFT in
-- its place is not held against them. The last row tells how far that is, whatever it is.
WITH page AS (
  SELECT * FROM reservations
  WHERE (owner, generation, partition) > ($1::uuid, $2, $3)
  ORDER BY owner, generation, partition
  LIMIT $4
),
numbered AS (
  SELECT *, lead(owner) OVER (ORDER BY owner, generation, partition) IS NULL AS "isLast" FROM page
),
-- LATERAL with OFFSET: one by one through the index.
judged AS (
  SELECT
    numbered.*,
    status <> 'ACTIVE' AND (numbered.seq > cursor_seq OR coalesce(
      type <> 'DRIFT' AND reservation_id IS DISTINCT FROM
        'p' || numbered.partition || '-' || replace(owner::text, '-', '') || '-' || generation,
      false
    )) AS "isStrange"
  FROM numbered
  JOIN partitions ON partitions.partition = numbered.partition
  LEFT JOIN LATERAL (
    SELECT reservation_id, type FROM movements
    WHERE movements.partition = numbered.partition AND movements.seq = numbered.seq
    OFFSET 0
  ) AS movement ON true
)
SELECT
  partition, owner, generation, order_id AS "orderId", customer_id AS "customerId", status,
  end_reason AS "endReason", allocations, seq,
  CASE WHEN isfinite(created_at) THEN (extract(epoch FROM created_at) * 1000)::bigint END AS "createdAt",
  CASE WHEN isfinite(expires_at) THEN (extract(epoch FROM expires_at) * 1000)::bigint
    WHEN expires_at IS NOT NULL THEN 0 END AS "expiresAt", "isLast", "isStrange"
FROM judged
WHERE "isStrange" OR "isLast"
ORDER BY owner, generation, partition
