-- Notes that a Redis server is in use, and forgets those of long ago.
-- $1 partitions, $2 run id.
WITH forgotten AS (
  DELETE FROM servers_in_use
  WHERE partition = ANY($1::integer[]) AND run_id <> $2 AND seen_at < now() - interval '1 minute'
)
INSERT INTO servers_in_use (partition, run_id)
SELECT unnest($1::integer[]), $2
ON CONFLICT (partition, run_id) DO UPDATE SET seen_at = now()
