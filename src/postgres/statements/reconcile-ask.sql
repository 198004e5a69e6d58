-- Notes a run once. $1 id, $2 scope (JSON), $3 mode, $4 payload, $5 who asks.
WITH made AS (
  INSERT INTO reconcile_runs (id, scope, mode, status, payload, asked_by)
  VALUES ($1, $2::text::jsonb, $3, 'queued', $4, $5)
  ON CONFLICT DO NOTHING
  RETURNING payload
)
SELECT payload, true AS made FROM made
UNION ALL
SELECT payload, false AS made FROM reconcile_runs WHERE id = $1
LIMIT 1
