-- The other server that was in use last, and how long ago. $1 partition, $2 run id.
SELECT
  run_id AS "runId", (extract(epoch FROM now() - seen_at) * 1000)::bigint AS "seenMsAgo"
FROM servers_in_use
WHERE partition = $1 AND run_id <> $2
ORDER BY seen_at DESC LIMIT 1
