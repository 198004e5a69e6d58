-- What an order was sold of a product and what came back, with the cursor that these sums go up to:
-- one statement sees one state, and an append moves the cursor with its movements.
-- $1 partition, $2 product, $3 order, $4 customer or null. A customer's own are its sales; what came
-- back in nobody's name counts against each customer, so that the order as a whole is never exceeded.
WITH sales AS (
  SELECT
    coalesce(sum(on_hand_before - on_hand_after) FILTER (
      WHERE type = 'SALE' AND ($4::text IS NULL OR customer_id = $4)
    ), 0)::bigint AS sold,
    coalesce(sum(on_hand_after - on_hand_before) FILTER (
      WHERE type = 'RETURN' AND ($4::text IS NULL OR customer_id = $4 OR customer_id IS NULL)
    ), 0)::bigint AS returned
  FROM movements
  WHERE order_id = $3 AND product_id = $2 AND type IN ('SALE', 'RETURN')
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
