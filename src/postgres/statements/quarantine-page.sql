-- Movements that are set aside and not settled, in their order. $1 partition or null, $2 $3 the last one
-- of the page before (partition, seq), $4 limit.
SELECT
  partition, seq, payload::text AS payload, operations::text AS operations, error,
  (extract(epoch FROM created_at) * 1000)::bigint AS at
FROM quarantine
WHERE settled_at IS NULL AND ($1::integer IS NULL OR partition = $1)
  AND (partition, seq) > ($2::integer, $3::bigint)
ORDER BY partition, seq
LIMIT $4
