-- Expects stock, unless the operation is known: then `kept` is what it answered. $1 key or null,
-- $2 payload, $3 product, $4 location, $5 quantity, $6 expected at (ms), $7 reference, $8 actor.
WITH known AS (
  SELECT kept FROM operations WHERE partition = -1 AND key = $1
),
made AS (
  INSERT INTO incoming (product_id, location, quantity, expected_at, reference, actor)
  SELECT $3, $4, $5::bigint, to_timestamp($6::bigint / 1000.0::float8), $7, $8
  WHERE NOT EXISTS (SELECT FROM known)
  RETURNING incoming_as_json(incoming) AS answer
),
noted AS (
  INSERT INTO operations (partition, key, kept)
  SELECT -1, $1, $2::text || E'\t' || answer FROM made WHERE $1 IS NOT NULL
)
SELECT (SELECT kept FROM known) AS kept, (SELECT answer FROM made) AS made
