-- What follows a place in each partition's feed, and where the feeds end, all of one state.
-- $1 $2 $3 places: partition, seq, number; none: from the first. $4 most rows of each kind and
-- partition, $5 whether movements are asked for, $6 kinds of alerts, $7 whether only the ends are.
WITH place AS (
  SELECT
    partitions.partition, coalesce(asked.seq, 0) AS seq, coalesce(asked.number, 0) AS number,
    partitions.cursor_seq AS "endSeq", partitions.raised AS "endNumber",
    (SELECT min(seq) FROM movements WHERE partition = partitions.partition) AS "firstSeq",
    greatest(
      (
        SELECT opening.seq FROM partition_openings AS opening
        WHERE opening.partition = partitions.partition
      ),
      CASE WHEN cardinality($6::text[]) > 0 THEN alerts_from ELSE 0 END
    ) AS "putAwaySeq"
  FROM partitions
  LEFT JOIN unnest($1::integer[], $2::bigint[], $3::bigint[]) AS asked (partition, seq, number)
    ON asked.partition = partitions.partition
)
SELECT
  (SELECT json_agg(place ORDER BY partition) FROM place) AS places,
  coalesce((
    SELECT json_agg(movement ORDER BY movement.partition, movement.seq)
    FROM place, LATERAL (
      SELECT
        partition, seq, epoch, type, product_id AS "productId", location,
        on_hand_before AS "onHandBefore", on_hand_after AS "onHandAfter",
        reserved_before AS "reservedBefore", reserved_after AS "reservedAfter",
        reservation_id AS "reservationId", order_id AS "orderId", customer_id AS "customerId",
        actor, reason, reference, request_id AS "requestId",
        (extract(epoch FROM at) * 1000)::bigint AS at
      FROM movements
      WHERE partition = place.partition AND seq > place.seq AND $5::boolean AND NOT $7::boolean
      ORDER BY seq LIMIT $4
    ) AS movement
  ), '[]') AS movements,
  coalesce((
    SELECT json_agg(alert ORDER BY alert.partition, alert.seq, alert.number)
    FROM place, LATERAL (
      SELECT
        partition, seq, number, kind, product_id AS "productId", units, detail,
        (extract(epoch FROM at) * 1000)::bigint AS at
      FROM alerts
      WHERE partition = place.partition AND (seq, number) > (place.seq, place.number)
        AND kind = ANY ($6::text[]) AND NOT $7::boolean
      ORDER BY seq, number LIMIT $4
    ) AS alert
  ), '[]') AS alerts
