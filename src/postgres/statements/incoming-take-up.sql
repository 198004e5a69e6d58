-- Takes up receipts that nobody finished, oldest first: who takes one up claims it again, so that one
-- that cannot be finished is behind all others. $1 how long ago they were claimed (ms), $2 limit.
WITH left_over AS (
  SELECT incoming_id, receipt, claimed_at FROM incoming_receipts
  WHERE state = 'claimed' AND claimed_at < now() - $1::bigint * interval '1 millisecond'
  ORDER BY claimed_at
  LIMIT $2
  FOR UPDATE SKIP LOCKED
)
UPDATE incoming_receipts AS receipts SET claimed_at = clock_timestamp()
FROM left_over JOIN incoming USING (incoming_id)
WHERE receipts.incoming_id = left_over.incoming_id AND receipts.receipt = left_over.receipt
RETURNING
  receipts.incoming_id AS "incomingId", receipts.receipt, units, receipts.actor,
  request_id AS "requestId", product_id AS "productId", location, reference
