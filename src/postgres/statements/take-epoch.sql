-- Takes an epoch number that no history ever had. From here on an append that was prepared under
-- an earlier number moves nothing: what it read may not be what the new server has. Answers too
-- what the ledger has heard of: a Redis without that is an older one.
-- $1 partition, $2 an epoch that Redis has seen.
UPDATE partitions SET epoch = greatest(epoch, $2::bigint) + 1
WHERE partition = $1
RETURNING
  epoch,
  greatest(
    cursor_seq,
    (SELECT max(began_at_seq) FROM epochs WHERE epochs.partition = $1)
  ) AS known_seq,
  coalesce((SELECT max(epochs.epoch) FROM epochs WHERE epochs.partition = $1), 0) AS known_epoch
