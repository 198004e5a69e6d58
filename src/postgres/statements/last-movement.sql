-- When the last movement of a partition was: a few may be in quarantine. $1 partition.
SELECT coalesce((extract(epoch FROM max(at)) * 1000)::bigint, 0) AS "lastAt" FROM movements
WHERE movements.partition = $1
  AND seq > (SELECT cursor_seq FROM partitions WHERE partitions.partition = $1) - 1000
