-- Ends a receipt. One that was refused is expected again; one that somebody else brought into the stock
-- meanwhile came after all. $1 id, $2 receipt, $3 state to end in, $4 state that it has, $5 units that
-- this adds to what came, for each unit of the receipt: -1, 0, 1.
WITH ended AS (
  UPDATE incoming_receipts SET state = $3
  WHERE incoming_id = $1::uuid AND receipt = $2::integer AND state = $4
  RETURNING incoming_id, units
),
counted AS (
  UPDATE incoming SET received = received + ended.units * $5::bigint FROM ended
  WHERE incoming.incoming_id = ended.incoming_id AND $5::bigint <> 0
)
SELECT count(*)::integer AS ended FROM ended
