-- Claims a receipt again that was refused, and tells its state. Where it is not expected any more, a
-- CHECK ends the statement, or it stays refused. $1 id, $2 receipt.
WITH revived AS (
  UPDATE incoming_receipts AS receipts SET state = 'claimed', claimed_at = now()
  WHERE incoming_id = $1::uuid AND receipt = $2::integer AND state = 'refused'
    AND EXISTS (
      SELECT FROM incoming WHERE incoming.incoming_id = receipts.incoming_id AND NOT cancelled
    )
  RETURNING incoming_id, units
),
counted AS (
  UPDATE incoming SET received = received + units FROM revived
  WHERE incoming.incoming_id = revived.incoming_id
)
SELECT CASE WHEN EXISTS (SELECT FROM revived) THEN 'claimed' ELSE state END AS state
FROM incoming_receipts WHERE incoming_id = $1::uuid AND receipt = $2::integer
