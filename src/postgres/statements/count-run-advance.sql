-- Notes what came of chunk $3 in pass $2 of run $1: $4 rows, of which $5 succeeded, $6 of those with
-- a difference, and $7 errors (JSON). Nothing where somebody else has noted it already.
WITH run AS (
  UPDATE count_runs
  SET next_chunk = next_chunk + 1, done = done + $4, succeeded = succeeded + $5,
    differing = differing + $6, tries = 0, error = NULL
  WHERE id = $1 AND status = 'running' AND pass = $2 AND next_chunk = $3
  RETURNING id
),
noted AS (
  INSERT INTO count_run_errors (run_id, row, line, product_id, location, code, message)
  SELECT run.id, one.row, one.line, one."productId", one.location, one.code, one.message
  FROM run, json_to_recordset($7::text::json)
    AS one (
      row integer, line integer, "productId" text, location text, code text, message text
    )
)
SELECT id FROM run
