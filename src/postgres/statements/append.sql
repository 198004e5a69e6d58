-- Moves the cursor over one batch of the journal, or nothing: no row when the cursor is elsewhere or
-- another epoch has begun since the drain asked where the cursor is. A concurrent append waits for the
-- row and then finds the cursor elsewhere. What batch-rows.sql writes goes with it, in one statement.
-- $71 partition, $72 $73 cursor before, $74 $75 cursor after, $76 epoch of the partition, $77 $78 last
-- link of the chain before and after (hex); without a chain null.
UPDATE partitions SET cursor_epoch = $74, cursor_seq = $75, chain = decode($78::text, 'hex')
WHERE partition = $71 AND cursor_epoch = $72 AND cursor_seq = $73 AND epoch = $76
  AND chain IS NOT DISTINCT FROM decode($77::text, 'hex')
RETURNING partition, cursor_epoch AS epoch, $73::bigint AS seq_before, now() AS kept_at, chain_key
