-- Moves the cursor over one batch of the journal, or nothing: no row when the cursor is elsewhere or
-- another epoch has begun since the drain asked where the cursor is. A concurrent append waits for the
-- row and then finds the cursor elsewhere. What batch-rows.sql writes goes with it, in one statement.
-- $67 partition, $68 $69 cursor before, $70 $71 cursor after, $72 epoch of the partition, $73 $74 last
-- link of the chain before and after (hex); without a chain null.
UPDATE partitions SET cursor_epoch = $70, cursor_seq = $71, chain = decode($74::text, 'hex')
WHERE partition = $67 AND cursor_epoch = $68 AND cursor_seq = $69 AND epoch = $72
  AND chain IS NOT DISTINCT FROM decode($73::text, 'hex')
RETURNING partition, cursor_epoch AS epoch, $69::bigint AS seq_before, now() AS kept_at, chain_key
