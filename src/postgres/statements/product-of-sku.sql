SELECT product_id AS "productId" FROM products WHERE sku = $1
