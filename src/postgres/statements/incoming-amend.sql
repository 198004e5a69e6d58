-- Changes what is expected, unless the operation is known: then `kept` is what it answered. Never below
-- what came, and nothing that was cancelled. $1 key or null, $2 payload, $3 id, $4 quantity or null,
-- $5 expected at (ms) or null, $6 whether the reference changes, $7 to what, $8 whether it is cancelled.
WITH known AS (
  SELECT kept FROM operations WHERE partition = -1 AND key = $1
),
made AS (
  UPDATE incoming SET
    quantity = coalesce($4::bigint, quantity),
    expected_at = coalesce(to_timestamp($5::bigint / 1000.0::float8), expected_at),
    reference = CASE WHEN $6::boolean THEN $7 ELSE reference END,
    cancelled = $8::boolean,
    version = version + 1,
    updated_at = date_trunc('milliseconds', now())
  WHERE incoming_id = $3::uuid AND NOT cancelled AND NOT EXISTS (SELECT FROM known)
    AND coalesce($4::bigint, quantity) >= received AND NOT ($8::boolean AND received = quantity)
  RETURNING incoming_as_json(incoming) AS answer
),
noted AS (
  INSERT INTO operations (partition, key, kept)
  SELECT -1, $1, $2::text || E'\t' || answer FROM made WHERE $1 IS NOT NULL
)
SELECT (SELECT kept FROM known) AS kept, (SELECT answer FROM made) AS made
