-- When the last movement of a partition was, and the last of those that were put away. $1 partition.
SELECT
  coalesce((extract(epoch FROM max(at)) * 1000)::bigint, 0) AS "lastAt",
  (
    SELECT (extract(epoch FROM opening.at) * 1000)::bigint
    FROM partition_openings AS opening WHERE opening.partition = $1
  ) AS "openedAt"
FROM movements
WHERE movements.partition = $1
  AND seq > (SELECT cursor_seq FROM partitions WHERE partitions.partition = $1) - 1000
