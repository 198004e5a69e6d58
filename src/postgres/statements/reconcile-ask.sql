-- Notes a run once. $1 id, $2 scope (JSON), $3 mode, $4 payload, $5 who asks, $6 most runs that have not
-- ended: the service's own comes all the same. Those who ask at once see the same room.
WITH room AS (
  SELECT count(*) < $6 OR $5::text LIKE 'system:%' AS left_over FROM (
    SELECT FROM reconcile_runs WHERE status IN ('queued', 'running') LIMIT $6
  ) AS open
),
made AS (
  INSERT INTO reconcile_runs (id, scope, mode, status, payload, asked_by)
  SELECT $1, $2::text::jsonb, $3, 'queued', $4, $5 FROM room WHERE left_over
  ON CONFLICT DO NOTHING
  RETURNING payload
)
SELECT payload, true AS made, false AS "isFull" FROM made
UNION ALL
SELECT payload, false, false FROM reconcile_runs WHERE id = $1
UNION ALL
SELECT '', false, true FROM room
WHERE NOT left_over AND NOT EXISTS (SELECT FROM reconcile_runs WHERE id = $1)
LIMIT 1
