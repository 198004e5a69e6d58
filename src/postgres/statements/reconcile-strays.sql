-- Rows of $1 partition where no movement can be: beyond the cursor, or where all was put away. $2 most.
SELECT seq FROM (
  (SELECT seq FROM movements
    WHERE movements.partition = $1
      AND seq > (SELECT cursor_seq FROM partitions WHERE partitions.partition = $1)
    ORDER BY seq LIMIT $2)
  UNION ALL
  (SELECT seq FROM movements
    WHERE movements.partition = $1
      AND seq <= (SELECT seq FROM partition_openings WHERE partition_openings.partition = $1)
    ORDER BY seq LIMIT $2)
  UNION ALL
  (SELECT seq FROM quarantine
    WHERE quarantine.partition = $1 AND (
      seq < 1 OR seq > (SELECT cursor_seq FROM partitions WHERE partitions.partition = $1)
    )
    ORDER BY seq LIMIT $2)
) AS stray
ORDER BY seq LIMIT $2
