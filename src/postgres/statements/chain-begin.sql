-- Begins a chain behind the cursor. $1 partition, $2 seq of the cursor, $3 what comes before the first
-- link (hex). A chain that ended before it had a link goes on.
WITH begun AS (
  UPDATE partitions SET chain = decode($3::text, 'hex')
  WHERE partition = $1 AND cursor_seq = $2 AND chain IS NULL
  RETURNING partition
)
INSERT INTO chains (partition, first_seq)
SELECT partition, $2::bigint + 1 FROM begun
ON CONFLICT (partition, first_seq) DO UPDATE SET
  last_seq = NULL, last_chain = NULL, ended_at = NULL
