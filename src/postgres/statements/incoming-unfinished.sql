-- Receipts that nobody finished, oldest first, and whether the ledger has their movement. $1 how long
-- ago they were claimed (ms), $2 limit.
SELECT
  incoming_id AS "incomingId", receipt, units, receipts.actor,
  request_id AS "requestId", product_id AS "productId", location,
  reference,
  EXISTS (
    SELECT FROM movements
    WHERE movements.product_id = incoming.product_id AND type = 'RESTOCK'
      AND type NOT IN ('RESERVE', 'SALE', 'RELEASE', 'EXPIRE', 'EXTEND')
      AND reason = 'incoming ' || incoming_id || ', receipt ' || receipt
  ) AS "isInLedger"
FROM incoming_receipts AS receipts JOIN incoming USING (incoming_id)
WHERE state = 'claimed' AND claimed_at < now() - $1::bigint * interval '1 millisecond'
ORDER BY claimed_at
LIMIT $2
