-- Of the next $2 lots behind $1: those that count other units or other receipts than they have; old ones
-- are removed, so that less may be there, and never more. The last row tells how far that is, whatever it is.
WITH page AS (
  SELECT * FROM incoming WHERE incoming_id > $1::uuid ORDER BY incoming_id LIMIT $2
),
numbered AS (
  SELECT *, lead(incoming_id) OVER (ORDER BY incoming_id) IS NULL AS "isLast" FROM page
),
counted AS (
  SELECT incoming_id, product_id, received, claimed.units, "isLast",
    claimed.units > received OR claimed.last > numbered.receipts
      OR (claimed.receipts = numbered.receipts AND claimed.units <> received) AS "isWrong"
  FROM numbered
  CROSS JOIN LATERAL (
    SELECT
      count(*) AS receipts, coalesce(max(receipt), 0) AS last, coalesce(sum(units) FILTER (WHERE state <> 'refused'), 0)::bigint AS units
    FROM incoming_receipts WHERE incoming_receipts.incoming_id = numbered.incoming_id
  ) AS claimed
)
SELECT
  incoming_id AS "incomingId", product_id AS "productId", received, counted.units, "isWrong", partition
FROM counted LEFT JOIN products USING (product_id)
WHERE "isWrong" OR "isLast"
ORDER BY incoming_id
