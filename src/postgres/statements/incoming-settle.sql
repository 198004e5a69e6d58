-- Notes that the units of a receipt are in the stock (brought), or in the ledger too (done). What was
-- refused meanwhile came after all, and a CHECK ends the statement where others came in its place.
-- $1 id, $2 receipt, $3 state.
WITH found AS (
  SELECT incoming_id, receipt, state FROM incoming_receipts
  WHERE incoming_id = $1::uuid AND receipt = $2::integer AND state NOT IN ('done', $3)
  FOR UPDATE
),
noted AS (
  UPDATE incoming_receipts AS receipts SET state = $3 FROM found
  WHERE receipts.incoming_id = found.incoming_id AND receipts.receipt = found.receipt
  RETURNING receipts.incoming_id, units, found.state AS was
)
UPDATE incoming SET received = received + units FROM noted
WHERE incoming.incoming_id = noted.incoming_id AND was = 'refused'
