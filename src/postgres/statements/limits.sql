-- Units of products with a limit that each customer has: what it holds, and what it bought less what came
-- back. Counted are holds and sales since the limit was set on; of a hold that the ledger has forgotten, the
-- sale says when. A return in nobody's name is that of the order's one customer until then. It gives back
-- what counted of the order before it and no more, so that sales and returns are walked in their order: what
-- is left is their sum, less the lowest that it came to below none. Twin: order-sales.sql.
-- $1 partition, $2 products, null: all of the partition.
WITH limited AS (
  SELECT product_id, coalesce(limit_since, created_at) AS since FROM products
  WHERE partition = $1 AND max_per_customer IS NOT NULL
    AND ($2::text[] IS NULL OR product_id = ANY ($2))
),
held AS (
  SELECT limited.product_id, customer_id, sum((allocation ->> 'held')::bigint) AS units
  FROM reservations, jsonb_array_elements(allocations) AS allocation, limited
  WHERE partition = $1 AND status = 'ACTIVE' AND customer_id IS NOT NULL AND created_at >= since
    AND limited.product_id = allocation ->> 'productId'
  GROUP BY limited.product_id, customer_id
),
moved AS (
  SELECT
    limited.product_id, movements.order_id, movements.customer_id, movements.seq,
    CASE type WHEN 'SALE' THEN on_hand_before - on_hand_after ELSE 0 END AS sold,
    CASE type WHEN 'RETURN' THEN on_hand_after - on_hand_before ELSE 0 END AS returned,
    coalesce(hold.created_at, at) >= since AS is_counted
  FROM limited
  JOIN movements ON movements.product_id = limited.product_id AND type IN ('SALE', 'RETURN')
  LEFT JOIN reservations AS hold
    ON hold.owner = split_part(movements.reservation_id, '-', 2)::uuid
    AND hold.generation = split_part(movements.reservation_id, '-', 3)
    AND hold.partition = movements.partition
  UNION ALL
  SELECT
    limited.product_id, order_id, customer_id, 0, sold, returned,
    (SELECT at FROM partition_openings WHERE partition_openings.partition = $1) >= since
  FROM order_openings JOIN limited USING (product_id)
),
named AS (
  SELECT
    moved.*,
    min(customer_id) FILTER (WHERE sold > 0) OVER earlier AS first_buyer,
    max(customer_id) FILTER (WHERE sold > 0) OVER earlier AS last_buyer
  FROM moved
  WINDOW earlier AS (PARTITION BY product_id, order_id ORDER BY seq)
),
steps AS (
  SELECT
    product_id, order_id, seq,
    CASE
      WHEN sold > 0 OR customer_id IS NOT NULL THEN customer_id
      WHEN order_id IS NOT NULL AND first_buyer = last_buyer THEN first_buyer
    END AS customer_id,
    CASE WHEN is_counted THEN sold ELSE 0 END - returned AS step
  FROM named
),
walked AS (
  SELECT
    product_id, order_id, customer_id, step,
    sum(step) OVER (PARTITION BY product_id, order_id, customer_id ORDER BY seq) AS reached
  FROM steps WHERE customer_id IS NOT NULL
),
bought AS (
  SELECT product_id, customer_id, sum(step) - least(0, min(reached)) AS units
  FROM walked GROUP BY product_id, order_id, customer_id
)
SELECT product_id AS "productId", customer_id AS "customerId", sum(units)::bigint AS units
FROM (SELECT * FROM held UNION ALL SELECT * FROM bought) AS had
WHERE customer_id IS NOT NULL
GROUP BY product_id, customer_id HAVING sum(units) > 0
