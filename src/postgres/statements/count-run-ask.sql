-- Notes a run of counts once. $1 id, $2 pass, $3 error policy, $4 commit, $5 reference, $6 payload,
-- $7 who asks, $8 rows, $9 its chunks, a list
-- of lists (JSON).
WITH made AS (
  INSERT INTO count_runs
    (id, status, pass, error_policy, committed, reference, payload, asked_by, rows)
  VALUES ($1, 'queued', $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT DO NOTHING
  RETURNING id, payload
),
chunks AS (
  INSERT INTO count_run_chunks (run_id, number, rows)
  SELECT made.id, chunk.number - 1, chunk.rows::text
  FROM made, json_array_elements($9::text::json) WITH ORDINALITY AS chunk (rows, number)
)
SELECT payload, true AS made FROM made
UNION ALL
SELECT payload, false AS made FROM count_runs WHERE id = $1
LIMIT 1
