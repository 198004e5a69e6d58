-- Sets one movement aside, with an alert, and moves the cursor over it; guarded like append.sql.
-- $1 partition, $2 $3 cursor before, $4 $5 cursor after, $6 epoch of the partition,
-- $7 payload (JSON), $8 error. $9 $10 last link of the chain before and after, $11 $12 commitment
-- and salt (all hex); without a chain null. $13 product, null where it has none.
-- $14 its operations (JSON), null: none.
WITH moved AS (
  UPDATE partitions SET
    cursor_epoch = $4, cursor_seq = $5, raised = raised + 1, chain = decode($10::text, 'hex')
  WHERE partition = $1 AND cursor_epoch = $2 AND cursor_seq = $3 AND epoch = $6
    AND chain IS NOT DISTINCT FROM decode($9::text, 'hex')
  RETURNING partition, raised, chain_key
),
aside AS (
  INSERT INTO quarantine (
    partition, seq, epoch, payload, error, chain, chain_commitment, chain_salt, operations
  )
  SELECT
    moved.partition, $5::bigint, $4::bigint, $7::text::json, $8::text, decode($10::text, 'hex'),
    decode($11::text, 'hex'), decode($12::text, 'hex'), $14::text::json
  FROM moved
),
alarm AS (
  INSERT INTO alerts (partition, seq, number, kind, product_id, detail)
  SELECT moved.partition, $5::bigint, moved.raised, 'quarantine', $13::text, $8::text FROM moved
  ON CONFLICT DO NOTHING
)
SELECT count(*)::integer AS moved, max(encode(chain_key, 'hex')) AS "chainKey" FROM moved
