-- Of $1 partition, movements above $2, up to $3: those that say they are of a receipt.
SELECT
  product_id AS "productId", reason, on_hand_after - on_hand_before AS units, seq
FROM movements
WHERE partition = $1 AND seq > $2 AND seq <= $3 AND type = 'RESTOCK'
  AND type NOT IN ('RESERVE', 'SALE', 'RELEASE', 'EXPIRE', 'EXTEND')
  AND reason LIKE 'incoming %, receipt %'
ORDER BY seq
