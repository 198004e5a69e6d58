-- Products of a partition that have a limit of their own, behind that one. $1 partition, $2 product, $3 most.
SELECT product_id AS "productId" FROM products
WHERE partition = $1 AND product_id > $2 AND max_per_customer IS NOT NULL
ORDER BY product_id LIMIT $3
