-- The next $3 levels behind $1 product and $2 location.
SELECT product_id AS "productId", location, on_hand AS "onHand", reserved, seq
FROM levels
WHERE (product_id, location) > ($1, $2)
ORDER BY product_id, location
LIMIT $3
