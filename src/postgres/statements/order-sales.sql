-- What an order was sold of a product and what came back, with the cursor that these sums go up to:
-- one statement sees one state, and an append moves the cursor with its movements.
-- $1 partition, $2 product, $3 order, $4 customer or null. A customer's own are its sales; what came
-- back in nobody's name counts against each customer, so that the order as a whole is never exceeded.
WITH moved AS (
  SELECT
    customer_id,
    CASE type WHEN 'SALE' THEN on_hand_before - on_hand_after ELSE 0 END AS sold,
    CASE type WHEN 'RETURN' THEN on_hand_after - on_hand_before ELSE 0 END AS returned
  FROM movements
  WHERE order_id = $3 AND product_id = $2 AND type IN ('SALE', 'RETURN')
  UNION ALL
  -- Of movements that were put away.
  SELECT customer_id, sold, returned FROM order_openings WHERE order_id = $3 AND product_id = $2
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
  EXISTS (
    SELECT FROM quarantine
    WHERE quarantine.partition = $1 AND settled_at IS NULL
      AND strpos(payload::text, '"type":"RETURN"') > 0
      AND strpos(payload::text, '"productId":"' || $2 || '"') > 0
  ) AS unsure
FROM partitions, sales
WHERE partitions.partition = $1
