-- Claims a receipt of what is still expected, unless the operation is known: then `kept` is which one
-- it claimed. $1 key or null, $2 payload, $3 id, $4 units (null: all that is expected), $5 actor,
-- $6 request id.
WITH known AS (
  SELECT kept FROM operations WHERE partition = -1 AND key = $1
),
changed AS (
  UPDATE incoming SET
    last_units = coalesce($4::bigint, quantity - received),
    received = received + coalesce($4::bigint, quantity - received),
    receipts = receipts + 1,
    version = version + 1,
    updated_at = date_trunc('milliseconds', now())
  WHERE incoming_id = $3::uuid AND NOT cancelled AND NOT EXISTS (SELECT FROM known)
    AND received + coalesce($4::bigint, 1) <= quantity
  RETURNING incoming_id, receipts, last_units, product_id, incoming_as_json(incoming) AS incoming
),
claimed AS (
  INSERT INTO incoming_receipts (incoming_id, receipt, units, actor, request_id, ledger_seq)
  SELECT incoming_id, receipts, last_units, $5, $6, coalesce(cursor_seq, 0)
  FROM changed LEFT JOIN products USING (product_id) LEFT JOIN partitions USING (partition)
),
made AS (
  SELECT json_build_object('incoming', incoming, 'receipt', receipts, 'units', last_units) AS answer
  FROM changed
),
noted AS (
  INSERT INTO operations (partition, key, kept)
  SELECT -1, $1, $2::text || E'\t' || answer FROM made WHERE $1 IS NOT NULL
)
SELECT (SELECT kept FROM known) AS kept, (SELECT answer FROM made) AS made
