-- Notes a run of counts once. $1 id, $2 pass, $3 error policy, $4 commit, $5 reference, $6 payload,
-- $7 who asks, $8 rows, $9 its chunks, a list of lists (JSON), $10 most runs that have not ended. Those
-- who ask at once see the same room.
WITH room AS (
  SELECT count(*) < $10 AS left_over FROM (
    SELECT FROM count_runs WHERE status IN ('queued', 'running') LIMIT $10
  ) AS open
),
made AS (
  INSERT INTO count_runs
    (id, status, pass, error_policy, committed, reference, payload, asked_by, rows)
  SELECT $1, 'queued', $2, $3, $4::boolean, $5, $6, $7, $8::integer FROM room WHERE left_over
  ON CONFLICT DO NOTHING
  RETURNING id, payload
),
chunks AS (
  INSERT INTO count_run_chunks (run_id, number, rows)
  SELECT made.id, chunk.number - 1, chunk.rows::text
  FROM made, json_array_elements($9::text::json) WITH ORDINALITY AS chunk (rows, number)
)
SELECT payload, true AS made, false AS "isFull" FROM made
UNION ALL
SELECT payload, false, false FROM count_runs WHERE id = $1
UNION ALL
SELECT '', false, true FROM room
WHERE NOT left_over AND NOT EXISTS (SELECT FROM count_runs WHERE id = $1)
LIMIT 1
