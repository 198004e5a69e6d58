-- For each partition the seqs between which a page of movements lies, in the order of time,
-- partition and seq. Their bounds in time become seqs by first_movement_at.
-- $1 partition, $2 first and $3 end in time (ms, the end is outside): null is no bound.
-- $4 $5 $6 time, partition and seq of the last row of the page before; $4 null for none.
-- $7 whether the newest come first. $8 most movements to look at, null for all of them: where a
-- partition has more than its share, `edge` is the time of the last one to look at.
WITH place AS (
  SELECT
    partition, cursor_seq,
    CASE
      WHEN $2::bigint IS NOT NULL
        THEN first_movement_at(partition, to_timestamp($2::bigint / 1000.0::float8))
      ELSE coalesce(
        (SELECT seq FROM movements AS oldest WHERE oldest.partition = partitions.partition
          ORDER BY seq LIMIT 1), 1)
    END AS first,
    CASE
      WHEN $3::bigint IS NOT NULL
        THEN first_movement_at(partition, to_timestamp($3::bigint / 1000.0::float8)) - 1
      ELSE cursor_seq
    END AS last,
    -- The first one behind that row, seen from the past; in its own partition that row itself.
    CASE
      WHEN $4::bigint IS NULL THEN NULL
      WHEN partition = $5 THEN $6
      ELSE first_movement_at(partition,
        to_timestamp(($4::bigint + (partition < $5)::integer) / 1000.0::float8))
    END AS behind
  FROM partitions
  WHERE $1::integer IS NULL OR partition = $1
),
span AS (
  SELECT
    partition,
    CASE WHEN behind IS NULL OR $7::boolean THEN first
      ELSE greatest(first, behind + (partition = $5)::integer) END AS first,
    CASE WHEN behind IS NULL OR NOT $7::boolean THEN last
      ELSE least(last, behind - 1) END AS last
  FROM place
),
share AS (
  SELECT $8::bigint / greatest(1, count(*)) + 1 AS rows FROM place
)
SELECT
  span.partition,
  CASE WHEN $7::boolean THEN coalesce(edge.seq, span.first) ELSE span.first END AS first,
  CASE WHEN $7::boolean THEN span.last ELSE coalesce(edge.seq, span.last) END AS last,
  (extract(epoch FROM edge.at) * 1000)::bigint AS edge
FROM share, span
LEFT JOIN LATERAL (
  (
    SELECT seq, at FROM movements
    WHERE $7::boolean AND movements.partition = span.partition
      AND seq > span.first AND seq <= span.last - share.rows + 1
    ORDER BY seq DESC
    LIMIT 1
  )
  UNION ALL
  (
    SELECT seq, at FROM movements
    WHERE NOT $7::boolean AND movements.partition = span.partition
      AND seq < span.last AND seq >= span.first + share.rows - 1
    ORDER BY seq
    LIMIT 1
  )
) AS edge ON true
WHERE span.first <= span.last
ORDER BY span.partition
