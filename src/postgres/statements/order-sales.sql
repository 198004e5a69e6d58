-- What an order was sold of a product and what came back, with the cursor that these sums go up to:
-- one statement sees one state, and an append moves the cursor with its movements.
-- $1 partition, $2 product, $3 order, $4 customer or null. A customer's own are its sales; what came
-- back in nobody's name counts against each customer, so that the order as a whole is never exceeded.
-- Where the product has a limit: whose units come back (`buyer`, the one that was named or the order's only
-- one), how many of them the limit still counts, and since when it counts. Twin: limits.sql.
WITH limited AS (
  SELECT coalesce(limit_since, created_at) AS since FROM products
  WHERE product_id = $2 AND max_per_customer IS NOT NULL
),
moved AS (
  SELECT
    movements.customer_id, movements.seq,
    CASE type WHEN 'SALE' THEN on_hand_before - on_hand_after ELSE 0 END AS sold,
    CASE type WHEN 'RETURN' THEN on_hand_after - on_hand_before ELSE 0 END AS returned,
    coalesce(hold.created_at, at) >= (SELECT since FROM limited) AS is_counted
  FROM movements
  LEFT JOIN reservations AS hold ON EXISTS (SELECT FROM limited)
    AND hold.owner = split_part(movements.reservation_id, '-', 2)::uuid
    AND hold.generation = split_part(movements.reservation_id, '-', 3)
    AND hold.partition = movements.partition
  WHERE movements.order_id = $3 AND product_id = $2 AND type IN ('SALE', 'RETURN')
  UNION ALL
  -- Of movements that were put away; their times went with them.
  SELECT
    customer_id, 0, sold, returned,
    (SELECT at FROM partition_openings WHERE partition_openings.partition = $1)
      >= (SELECT since FROM limited)
  FROM order_openings WHERE order_id = $3 AND product_id = $2
),
buyers AS (
  SELECT count(DISTINCT customer_id) AS number, coalesce($4::text, max(customer_id)) AS buyer
  FROM moved WHERE sold > 0
),
sales AS (
  SELECT
    coalesce(sum(sold) FILTER (WHERE $4::text IS NULL OR customer_id = $4), 0)::bigint AS sold,
    coalesce(sum(returned) FILTER (
      WHERE $4::text IS NULL OR customer_id = $4 OR customer_id IS NULL
    ), 0)::bigint AS returned
  FROM moved
),
named AS (
  SELECT
    moved.*,
    min(customer_id) FILTER (WHERE sold > 0) OVER earlier AS first_buyer,
    max(customer_id) FILTER (WHERE sold > 0) OVER earlier AS last_buyer
  FROM moved
  WINDOW earlier AS (ORDER BY seq)
),
steps AS (
  SELECT seq, CASE WHEN is_counted THEN sold ELSE 0 END - returned AS step
  FROM named, buyers
  WHERE buyer = CASE
    WHEN sold > 0 OR customer_id IS NOT NULL THEN customer_id
    WHEN first_buyer = last_buyer THEN first_buyer
  END
),
walked AS (
  SELECT step, sum(step) OVER (ORDER BY seq) AS reached FROM steps
),
limits AS (
  SELECT coalesce(sum(step) - least(0, min(reached)), 0)::bigint AS counted FROM walked
)
SELECT
  partitions.cursor_seq AS seq, sales.sold, sales.returned,
  CASE WHEN number = 1 OR $4::text IS NOT NULL THEN buyer END AS buyer,
  counted,
  (SELECT (extract(epoch FROM since) * 1000)::bigint FROM limited) AS since,
  EXISTS (
    SELECT FROM quarantine
    WHERE quarantine.partition = $1 AND settled_at IS NULL
      AND strpos(payload::text, '"type":"RETURN"') > 0
      AND strpos(payload::text, '"productId":"' || $2 || '"') > 0
  ) AS unsure
FROM partitions, sales, buyers, limits
WHERE partitions.partition = $1
