-- Notes an epoch that begins where the ledger stands, after a rebuild: the cursor is in it at once,
-- so that no movement of an earlier epoch follows it any more.
-- Nothing is sealed while another server is in use.
-- $1 partition, $2 epoch, $3 seq of the cursor, $4 run id, $5 milliseconds within which a server that
-- was seen counts as in use.
WITH sealed AS (
  UPDATE partitions SET cursor_epoch = $2
  WHERE partition = $1 AND epoch = $2 AND cursor_seq = $3
    AND NOT EXISTS (
      SELECT 1 FROM servers_in_use AS used
      WHERE used.partition = $1 AND used.run_id <> $4
        AND used.seen_at > now() - $5::integer * interval '1 millisecond'
    )
  RETURNING partition
),
noted AS (
  INSERT INTO epochs (partition, epoch, began_at_seq, run_id)
  SELECT sealed.partition, $2, $3, $4 FROM sealed
  ON CONFLICT DO NOTHING
)
SELECT count(*)::integer AS sealed FROM sealed
