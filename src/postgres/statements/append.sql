-- Moves the cursor over one batch of the journal, or nothing: no row when the cursor is elsewhere or
-- another epoch has begun since the drain asked where the cursor is. A concurrent append waits for the
-- row and then finds the cursor elsewhere. What batch-rows.sql writes goes with it, in one statement.
-- $66 partition, $67 $68 cursor before, $69 $70 cursor after, $71 epoch of the partition, $72 $73 last
-- link of the chain before and after (hex); without a chain null.
UPDATE partitions SET cursor_epoch = $69, cursor_seq = $70, chain = decode($73::text, 'hex')
WHERE partition = $66 AND cursor_epoch = $67 AND cursor_seq = $68 AND epoch = $71
  AND chain IS NOT DISTINCT FROM decode($72::text, 'hex')
RETURNING partition, cursor_epoch AS epoch, $68::bigint AS seq_before, now() AS kept_at, chain_key
