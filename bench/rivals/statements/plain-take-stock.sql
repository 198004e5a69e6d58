-- Takes $2 units of $1 product.
UPDATE stock SET reserved = reserved + $2::bigint WHERE product = $1
