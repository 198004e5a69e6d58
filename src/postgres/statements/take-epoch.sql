-- Takes an epoch number that no history ever had. From here on an append that was prepared under
-- an earlier number moves nothing: what it read may not be what the new server has. Answers too
-- what the ledger has heard of: a Redis without that is an older one.
-- $1 partition, $2 an epoch that Redis has seen.
UPDATE partitions SET epoch = greatest(partitions.epoch, $2::bigint) + 1
FROM (SELECT $1::integer AS partition) AS asked
LEFT JOIN LATERAL (
  SELECT epochs.epoch, epochs.began_at_seq FROM epochs
  WHERE epochs.partition = asked.partition
  ORDER BY epochs.epoch DESC LIMIT 1
) AS last ON true
WHERE partitions.partition = asked.partition
RETURNING
  partitions.epoch,
  greatest(cursor_seq, last.began_at_seq) AS known_seq,
  coalesce(last.epoch, 0) AS known_epoch
