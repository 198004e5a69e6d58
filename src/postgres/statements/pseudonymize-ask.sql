-- Notes that a customer's id shall be replaced, once for each key and one at a time for a customer.
-- Not while the customer has a live hold or a place in a line. $1 id, $2 customer, $3 pseudonym, $4 key, $5 payload (both
-- null without a key), $6 who asks.
WITH known AS (
  SELECT id, key, payload FROM pseudonymizations
  WHERE key = $4 OR customer_id = $2
  ORDER BY key = $4 DESC NULLS LAST LIMIT 1
),
live AS (
  SELECT (
    (SELECT count(*) FROM reservations WHERE customer_id = $2 AND status = 'ACTIVE')
    -- As lua/lib/waiting.lua writes it.
    + (
      SELECT count(*) FROM records
      WHERE kind = 'waiting' AND split_part(text, chr(9), 7) = to_json($2::text)::text
    )
  )::integer AS holds
),
made AS (
  INSERT INTO pseudonymizations (id, customer_id, pseudonym, key, payload, asked_by)
  SELECT $1, $2, $3, $4, $5, $6 FROM live
  WHERE holds = 0 AND NOT EXISTS (SELECT FROM known)
  ON CONFLICT DO NOTHING
  RETURNING id
),
-- Nothing shall lead to the salts of what was written until now.
forgotten AS (
  UPDATE partitions SET chain_key = DEFAULT WHERE EXISTS (SELECT FROM made)
),
parts AS (
  INSERT INTO pseudonymization_parts (id, partition, first_seq, next_seq, last_seq)
  SELECT
    made.id, partition, oldest.seq, oldest.seq, cursor_seq
  FROM made, partitions, LATERAL (
    -- Tables that were put away count while they are there.
    SELECT least(
      coalesce((
        SELECT seq FROM movements WHERE movements.partition = partitions.partition
        ORDER BY seq LIMIT 1
      ), cursor_seq + 1),
      (
        SELECT greatest(1, min(first_seq)) FROM put_away_ranges
        WHERE to_regclass(quote_ident(table_name)) IS NOT NULL
        HAVING count(*) > 0
      )
    ) AS seq
  ) AS oldest
)
SELECT
  holds, known.id AS "knownId", known.payload AS "knownPayload",
  coalesce(known.key = $4, false) AS replayed, made.id AS "madeId"
FROM live LEFT JOIN known ON true LEFT JOIN made ON true
