-- The levels of $2 products as they were right after movement $3 of $1 partition: what a later
-- movement found, where there is one. LATERAL: product by product through the index, whatever the
-- planner knows of the table.
SELECT
  level.product_id AS "productId", level.location,
  CASE WHEN level.seq <= $3 THEN level.on_hand ELSE later.on_hand_before END AS "onHand",
  CASE WHEN level.seq <= $3 THEN level.reserved ELSE later.reserved_before END AS reserved,
  level.seq
FROM unnest($2::text[]) AS asked (id)
CROSS JOIN LATERAL (SELECT * FROM levels WHERE product_id = asked.id OFFSET 0) AS level
LEFT JOIN LATERAL (
  SELECT on_hand_before, reserved_before
  FROM movements
  WHERE partition = $1 AND product_id = level.product_id AND location = level.location
    AND seq > $3 AND level.seq > $3
  ORDER BY seq
  LIMIT 1
) AS later ON true
WHERE level.partition = $1 AND (level.seq <= $3 OR later.on_hand_before IS NOT NULL)
