-- What became of the holds of each customer: of the newest $2 that were made since $1, by customers who made
-- $3 of them at least; most expired units first. $4, $5 the last row of the page before (null for the first),
-- $6 rows. Units are those that were held at first; of a hold that was ended in part they ended with the rest.
WITH holds AS (
  SELECT customer_id, status, allocations FROM reservations
  WHERE created_at >= $1::timestamptz
  ORDER BY created_at DESC LIMIT $2
),
customers AS (
  SELECT
    customer_id AS "customerId", count(*)::int AS holds,
    count(*) FILTER (WHERE status = 'ACTIVE')::int AS live,
    count(*) FILTER (WHERE status = 'EXPIRED')::int AS "expiredHolds",
    coalesce(sum(held + confirmed + released), 0)::bigint AS units,
    coalesce(sum(released) FILTER (WHERE status = 'EXPIRED'), 0)::bigint AS "expiredUnits",
    coalesce(sum(confirmed), 0)::bigint AS "soldUnits"
  FROM holds, LATERAL (
    SELECT
      sum((allocation ->> 'held')::bigint) AS held,
      sum((allocation ->> 'confirmed')::bigint) AS confirmed,
      sum((allocation ->> 'released')::bigint) AS released
    FROM jsonb_array_elements(allocations) AS allocation
  ) AS lines
  WHERE customer_id IS NOT NULL
  GROUP BY customer_id HAVING count(*) >= $3
)
SELECT * FROM customers
WHERE $4::bigint IS NULL OR "expiredUnits" < $4 OR ("expiredUnits" = $4 AND "customerId" COLLATE "C" > $5)
ORDER BY "expiredUnits" DESC, "customerId" COLLATE "C"
LIMIT $6
