-- Takes up receipts that are not in the ledger yet, oldest first: who takes one up holds it alone, for
-- all who held it are gone by then, and one that cannot be finished is behind all others.
-- $1 how long ago somebody held them last (ms), $2 limit.
WITH left_over AS (
  SELECT incoming_id, receipt FROM incoming_receipts
  WHERE state IN ('claimed', 'brought')
    AND claimed_at < now() - $1::bigint * interval '1 millisecond'
  ORDER BY claimed_at
  LIMIT $2
  FOR UPDATE SKIP LOCKED
)
UPDATE incoming_receipts AS receipts SET
  claimed_at = clock_timestamp(), attempt = attempt + 1, holders = 1
FROM left_over JOIN incoming USING (incoming_id)
WHERE receipts.incoming_id = left_over.incoming_id AND receipts.receipt = left_over.receipt
RETURNING
  receipts.incoming_id AS "incomingId", receipts.receipt, units, attempt, receipts.actor,
  state = 'brought' AS "isBrought", request_id AS "requestId", product_id AS "productId", location,
  reference
