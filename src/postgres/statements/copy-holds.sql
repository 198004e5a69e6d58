-- The holds of a partition that Redis has: those that are live, and of each owner without one the
-- last that ended, if its record still answers repeats: it ended when it was due, or before.
-- $1 partition, $2 $3 milliseconds that the record of a confirmed and of another ended hold is kept.
SELECT
  partition, owner, generation, order_id AS "orderId", customer_id AS "customerId", status,
  end_reason AS "endReason", allocations, seq,
  (extract(epoch FROM created_at) * 1000)::bigint AS "createdAt",
  (extract(epoch FROM expires_at) * 1000)::bigint AS "expiresAt",
  "livesMs"
FROM (
  SELECT DISTINCT ON (owner)
    *,
    CASE WHEN status <> 'ACTIVE' THEN
      (CASE status WHEN 'CONFIRMED' THEN $2::bigint ELSE $3::bigint END
        - extract(epoch FROM now() - ended.at) * 1000)::bigint
    END AS "livesMs"
  FROM reservations
  LEFT JOIN LATERAL (
    SELECT at FROM movements
    WHERE movements.partition = reservations.partition AND movements.seq = reservations.seq
  ) AS ended ON status <> 'ACTIVE'
  WHERE partition = $1
    AND (status = 'ACTIVE' OR expires_at IS NULL OR expires_at > now() - interval '26 hours')
  ORDER BY owner, status = 'ACTIVE' DESC, created_at DESC, seq DESC
) AS last
WHERE status = 'ACTIVE' OR "livesMs" > 0
