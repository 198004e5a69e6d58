-- Of the next $3 holds behind $1 time (null: from the first) that were made more than $2 milliseconds
-- ago, removes those that ended so long ago; `last` tells how far that is, and `reservations_from` of
-- which ones some are gone. No index has when a hold
-- ended, for the end of each would have to write it: its last movement tells, by its seq.
WITH bound AS MATERIALIZED (
  SELECT
    partitions.partition,
    CASE
      -- When those that were put away ended is not known any more, and it may be later than that.
      WHEN opening.at >= kept.since THEN 0
      ELSE first_movement_at(partitions.partition, kept.since)
    END AS seq
  FROM (SELECT now() - $2::bigint * interval '1 millisecond' AS since) AS kept, partitions
  LEFT JOIN partition_openings AS opening USING (partition)
),
page AS (
  SELECT ctid, partition, seq, status, created_at FROM reservations
  WHERE created_at > coalesce($1::text::timestamptz, '-infinity')
    AND created_at < now() - $2::bigint * interval '1 millisecond'
  ORDER BY created_at FETCH FIRST ($3::bigint) ROWS WITH TIES
),
removed AS (
  DELETE FROM reservations WHERE status <> 'ACTIVE' AND ctid = ANY (ARRAY(
    SELECT page.ctid FROM page JOIN bound USING (partition)
    WHERE status <> 'ACTIVE' AND page.seq < bound.seq
  ))
  RETURNING partition, seq
),
marked AS (
  UPDATE partitions SET reservations_from = greatest(reservations_from, gone.seq + 1)
  FROM (SELECT partition, max(seq) AS seq FROM removed GROUP BY partition) AS gone
  WHERE partitions.partition = gone.partition
)
SELECT max(created_at)::text AS last, count(*)::integer AS looked FROM page
