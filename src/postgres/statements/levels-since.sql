-- What is known of levels since some instants. $1 products, $2 locations, $3 instants (ms), $4 the
-- same instants as counts name them in their reason, in ISO 8601, which sorts as time does. Units of a
-- campaign's ring-fence are at its location as well: who counts there counts them.
WITH asked AS MATERIALIZED (
  SELECT product_id, location, at, iso COLLATE "C" AS iso, index, partition
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
    WITH ORDINALITY AS row (product_id, location, at, iso, index)
  JOIN products USING (product_id)
),
instant AS MATERIALIZED (
  SELECT partition, at, first, coalesce((
    SELECT seq < first FROM movements WHERE movements.partition = each.partition
    ORDER BY seq LIMIT 1
  ), false) AS kept
  FROM (
    SELECT partition, at, first_movement_at(partition, to_timestamp((at + 1) / 1000.0::float8)) AS first
    FROM (SELECT DISTINCT partition, at FROM asked) AS distinct_one
    OFFSET 0
  ) AS each
)
SELECT
  cursor_seq AS seq, there.on_hand AS "onHand",
  moved.moved, moved.earlier AS "earlierMoved", coalesce(last.seq, 0) AS "lastCount", same.same,
  EXISTS (
    SELECT FROM movements AS later
    WHERE later.product_id = asked.product_id AND later.location = asked.location
      AND later.type = 'COUNT'
      -- A clock that is ahead writes a count before its instant. One that names none was of its own.
      AND coalesce(substring(reason FROM '^counted at (\S+):') COLLATE "C" > iso, later.seq >= first)
  ) AS "hasLater",
  kept,
  EXISTS (
    SELECT FROM quarantine
    WHERE quarantine.partition = asked.partition AND settled_at IS NULL
      AND strpos(payload::text, '"productId":"' || asked.product_id || '"') > 0
  ) AS unsure
FROM asked
JOIN instant USING (partition, at)
JOIN partitions USING (partition)
CROSS JOIN LATERAL (
  SELECT
    coalesce(sum(on_hand), 0)::bigint AS on_hand, array_agg(levels.location) AS places
  FROM levels
  WHERE levels.product_id = asked.product_id
    AND (levels.location = asked.location OR starts_with(levels.location, asked.location || '~'))
) AS there
LEFT JOIN LATERAL (
  SELECT seq FROM movements
  WHERE product_id = asked.product_id AND location = asked.location AND type = 'COUNT'
  ORDER BY seq DESC LIMIT 1
) AS last ON true
LEFT JOIN LATERAL (
  SELECT json_build_object(
    'seq', seq, 'reason', reason, 'onHandBefore', on_hand_before, 'onHandAfter', on_hand_after,
    'reservedAfter', reserved_after
  ) AS same, substring(reason FROM 'by movement (\d+)$')::bigint AS basis
  FROM movements
  WHERE product_id = asked.product_id AND location = asked.location AND type = 'COUNT'
    AND starts_with(reason, 'counted at ' || iso || ':')
  ORDER BY seq DESC LIMIT 1
) AS same ON true
CROSS JOIN LATERAL (
  SELECT
    coalesce(json_agg(json_build_object('type', type, 'quantity', quantity) ORDER BY type), '[]') AS moved,
    coalesce(
      json_agg(json_build_object('type', type, 'quantity', earlier) ORDER BY type)
        FILTER (WHERE earlier IS NOT NULL),
      '[]'
    ) AS earlier
  FROM (
    SELECT
      type, sum(on_hand_after - on_hand_before) AS quantity,
      sum(on_hand_after - on_hand_before) FILTER (WHERE seq <= basis) AS earlier
    FROM movements
    WHERE product_id = asked.product_id AND location = ANY (there.places) AND seq >= first
      AND type <> 'COUNT' AND on_hand_after <> on_hand_before
      -- What was written down late counts for who asks for an instant before it happened.
      AND (type NOT IN ('DRIFT', 'RECONCILE') OR coalesce(
        substring(reason FROM '^explains movement (\d{1,15}):')::bigint >= first, true
      ))
    GROUP BY type
  ) AS types
) AS moved
ORDER BY index
