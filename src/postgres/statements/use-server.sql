-- Notes that a Redis server is in use, forgets those of long ago, and answers the epoch that the
-- ledger has come to. $1 partitions, $2 run id.
WITH forgotten AS (
  DELETE FROM servers_in_use
  WHERE partition = ANY($1::integer[]) AND run_id <> $2 AND seen_at < now() - interval '1 hour'
),
noted AS (
  INSERT INTO servers_in_use (partition, run_id)
  SELECT unnest($1::integer[]), $2
  ON CONFLICT (partition, run_id) DO UPDATE SET seen_at = now()
)
SELECT partition, cursor_epoch AS epoch FROM partitions WHERE partition = ANY($1::integer[])
