-- One of those who hold a receipt surely brought none of its units, and will not. When it is the last
-- one, they are expected again. $1 id, $2 receipt, $3 attempt: a holder of an earlier one gives nothing.
WITH left_by AS (
  UPDATE incoming_receipts SET
    holders = greatest(holders - 1, 1),
    state = CASE holders WHEN 1 THEN 'refused' ELSE state END
  WHERE incoming_id = $1::uuid AND receipt = $2::integer AND attempt = $3::integer
    AND state IN ('claimed', 'brought')
  RETURNING incoming_id, units, state
),
counted AS (
  UPDATE incoming SET received = received - units FROM left_by
  WHERE incoming.incoming_id = left_by.incoming_id AND state = 'refused'
)
SELECT count(*)::integer AS refused FROM left_by WHERE state = 'refused'
