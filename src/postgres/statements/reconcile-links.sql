-- Of $1 partition, movements above $2, up to $3: the first and the last of each level, and each that
-- does not begin where the one before it ended. `explains` is the movement that one was written for.
WITH linked AS (
  SELECT
    seq, product_id, location, on_hand_before, on_hand_after, reserved_before, reserved_after,
    CASE WHEN type = 'RECONCILE'
      THEN substring(reason FROM '^explains movement (\d{1,15}):')::bigint END AS explains,
    lag(seq) OVER level AS previous_seq, lag(on_hand_after) OVER level AS previous_on_hand,
    lag(reserved_after) OVER level AS previous_reserved, lead(seq) OVER level AS following_seq
  FROM movements
  WHERE partition = $1 AND seq > $2 AND seq <= $3 AND product_id IS NOT NULL
  WINDOW level AS (PARTITION BY product_id, location ORDER BY seq)
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
