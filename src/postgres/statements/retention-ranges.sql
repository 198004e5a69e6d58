-- The ranges of movements that are attached, oldest first, and what stands against putting each away.
-- $1 movements of a range, $2 movements by which every partition must be past it, $3 least age of its
-- newest movement (ms).
SELECT
  first, last, "newestAt", lagging.partition AS "laggingPartition", lagging.cursor_seq AS "laggingAt",
  coalesce("newestAt" > (extract(epoch FROM now()) * 1000)::bigint - $3::bigint, false) AS young,
  (
    SELECT count(*)::integer FROM quarantine WHERE seq BETWEEN first AND last AND settled_at IS NULL
  ) AS unsettled
FROM (
  SELECT
    substr(relname, length('movements_') + 1)::bigint AS first,
    substr(relname, length('movements_') + 1)::bigint + $1::bigint - 1 AS last
  FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
  WHERE inhparent = 'movements'::regclass AND relname ~ '^movements_[0-9]+$'
) AS span
CROSS JOIN LATERAL (
  SELECT (extract(epoch FROM max(newest.at)) * 1000)::bigint AS "newestAt"
  FROM partitions, LATERAL (
    SELECT at FROM movements
    WHERE movements.partition = partitions.partition AND seq BETWEEN span.first AND span.last
    ORDER BY seq DESC LIMIT 1
  ) AS newest
) AS time
LEFT JOIN LATERAL (
  SELECT partition, cursor_seq FROM partitions WHERE cursor_seq < span.last + $2::bigint
  ORDER BY cursor_seq, partition LIMIT 1
) AS lagging ON true
ORDER BY first
