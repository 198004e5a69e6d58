-- Takes an epoch number that no history ever had. From here on an append that was prepared under
-- an earlier number moves nothing: what it read may not be what the new server has.
-- $1 partition, $2 an epoch that Redis has seen.
UPDATE partitions SET epoch = greatest(epoch, $2::bigint) + 1
WHERE partition = $1
RETURNING epoch, cursor_seq
