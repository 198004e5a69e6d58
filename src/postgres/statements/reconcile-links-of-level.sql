-- Of the next $4 movements of $1 product at $2 location above $3, up to $5: the first and the last, and each that
-- does not begin where the one before it ended. `explains` is the movement that one was written for.
WITH part AS (
  -- In the order of the index, however many movements the product has.
  SELECT
    seq, product_id, location, on_hand_before, on_hand_after, reserved_before, reserved_after,
    CASE WHEN type = 'RECONCILE'
      THEN substring(reason FROM '^explains movement (\d{1,15}):')::bigint END AS explains
  FROM movements
  WHERE product_id = $1 AND location = $2 AND seq > $3 AND seq <= $5
  ORDER BY seq
  LIMIT $4
),
linked AS (
  SELECT
    *, lag(seq) OVER level AS previous_seq, lag(on_hand_after) OVER level AS previous_on_hand,
    lag(reserved_after) OVER level AS previous_reserved, lead(seq) OVER level AS following_seq
  FROM part
  WINDOW level AS (ORDER BY seq)
)
SELECT
  seq, product_id AS "productId", location, on_hand_before AS "onHandBefore",
  on_hand_after AS "onHandAfter", reserved_before AS "reservedBefore",
  reserved_after AS "reservedAfter", previous_seq AS "previousSeq",
  previous_on_hand AS "previousOnHand", previous_reserved AS "previousReserved", explains
FROM linked
WHERE previous_seq IS NULL OR following_seq IS NULL
  OR previous_on_hand <> on_hand_before OR previous_reserved <> reserved_before
ORDER BY seq
