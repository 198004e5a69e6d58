-- $1 partition, $2 run id, $3 milliseconds within which a server was seen in use.
SELECT run_id AS "runId" FROM servers_in_use
WHERE partition = $1 AND run_id <> $2 AND seen_at > now() - $3::integer * interval '1 millisecond'
LIMIT 1
