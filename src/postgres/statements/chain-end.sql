-- Ends the chain at the cursor. $1 partition, $2 seq of the cursor, $3 its link (hex).
WITH ended AS (
  UPDATE partitions SET chain = NULL
  WHERE partition = $1 AND cursor_seq = $2 AND chain = decode($3::text, 'hex')
  RETURNING partition
)
UPDATE chains SET last_seq = $2, last_chain = decode($3::text, 'hex'), ended_at = now()
FROM ended WHERE chains.partition = ended.partition AND last_seq IS NULL
