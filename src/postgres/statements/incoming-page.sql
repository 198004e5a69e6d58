-- Soonest first. $1 product, $2 status: null is any. $3 expected at (ms) and $4 id of the last row of
-- the page before, $3 null for the first. $5 limit.
SELECT incoming_as_json(incoming) AS incoming FROM incoming
WHERE ($1::text IS NULL OR product_id = $1)
  AND ($2::text IS NULL OR $2 = CASE
    WHEN cancelled THEN 'CANCELLED'
    WHEN received = quantity THEN 'RECEIVED'
    ELSE 'EXPECTED'
  END)
  AND ($3::bigint IS NULL OR (expected_at, incoming_id)
    > (to_timestamp($3::bigint / 1000.0::float8), $4::uuid))
ORDER BY expected_at, incoming_id
LIMIT $5
