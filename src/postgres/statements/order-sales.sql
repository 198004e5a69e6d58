-- What an order was sold of a product and what came back, with the cursor that these sums go up to:
-- one statement sees one state, and an append moves the cursor with its movements.
-- $1 partition, $2 product, $3 order, $4 customer or null, $5 steps at most. A customer's own are its sales;
-- what came back in nobody's name counts against each customer, so that the order as a whole is never exceeded.
-- Where limits may count it: whose units come back (`buyer`, the one that was named or the order's only
-- one), and in their order what it was sold, with when that began to count, and what came back of it (`steps`:
-- ms, null for what came back, units, and the campaign that it was sold through; of more the latest). Twin: limits.sql.
WITH limited AS (
  SELECT 1 FROM products WHERE product_id = $2 AND max_per_customer IS NOT NULL
  UNION ALL
  SELECT 1 FROM records WHERE partition = $1 AND kind IN ('limit', 'campaign') AND text IS NOT NULL
),
moved AS (
  SELECT
    movements.customer_id, movements.seq,
    CASE type WHEN 'SALE' THEN on_hand_before - on_hand_after ELSE 0 END AS sold,
    CASE type WHEN 'RETURN' THEN on_hand_after - on_hand_before ELSE 0 END AS returned,
    coalesce(hold.created_at, at) AS began,
    nullif(split_part(movements.location, '~', 2), '') AS campaign
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
    (SELECT at FROM partition_openings WHERE partition_openings.partition = $1), NULL
  FROM order_openings WHERE order_id = $3 AND product_id = $2
),
buyers AS (
  SELECT count(DISTINCT customer_id) AS number, coalesce($4::text, max(customer_id)) AS buyer
  FROM moved WHERE sold > 0
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
  SELECT
    seq, CASE WHEN sold > 0 THEN (extract(epoch FROM began) * 1000)::bigint END AS at,
    sold + returned AS units,
    CASE WHEN sold > 0 THEN campaign END AS campaign
  FROM named, buyers
  WHERE buyer = CASE
      WHEN sold > 0 OR customer_id IS NOT NULL THEN customer_id
      WHEN first_buyer = last_buyer THEN first_buyer
    END
    AND (sold = 0 OR began IS NOT NULL)
  ORDER BY seq DESC LIMIT $5
),
sales AS (
  SELECT
    coalesce(sum(sold) FILTER (WHERE $4::text IS NULL OR customer_id = $4), 0)::bigint AS sold,
    coalesce(sum(returned) FILTER (
      WHERE $4::text IS NULL OR customer_id = $4 OR customer_id IS NULL
    ), 0)::bigint AS returned
  FROM moved
)
SELECT
  partitions.cursor_seq AS seq, sales.sold, sales.returned,
  CASE WHEN EXISTS (SELECT FROM limited) AND (number = 1 OR $4::text IS NOT NULL) THEN buyer END AS buyer,
  (SELECT coalesce(json_agg(json_build_array(at, units, campaign) ORDER BY seq), '[]'::json) FROM steps) AS steps,
  EXISTS (
    SELECT FROM quarantine
    WHERE quarantine.partition = $1 AND settled_at IS NULL
      AND strpos(payload::text, '"type":"RETURN"') > 0
      AND strpos(payload::text, '"productId":"' || $2 || '"') > 0
  ) AS unsure
FROM partitions, sales, buyers
WHERE partitions.partition = $1
