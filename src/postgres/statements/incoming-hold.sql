-- Holds the receipt of an earlier call once more: one that was refused is claimed again, any other one
-- has a holder more. Tells its state and attempt, and whether it ended so long ago that Redis may have
-- forgotten it. Where it is not expected any more, a CHECK ends the statement, or it stays refused.
-- $1 id, $2 receipt.
WITH found AS (
  SELECT incoming_id, receipt, state, units, attempt, claimed_at FROM incoming_receipts
  WHERE incoming_id = $1::uuid AND receipt = $2::integer
  FOR UPDATE
),
held AS (
  UPDATE incoming_receipts AS receipts SET
    state = CASE found.state WHEN 'refused' THEN 'claimed' ELSE found.state END,
    attempt = receipts.attempt + CASE found.state WHEN 'refused' THEN 1 ELSE 0 END,
    holders = CASE found.state WHEN 'refused' THEN 1 ELSE holders + 1 END,
    claimed_at = clock_timestamp()
  FROM found
  WHERE receipts.incoming_id = found.incoming_id AND receipts.receipt = found.receipt
    AND found.state <> 'done' AND (found.state <> 'refused' OR EXISTS (
      SELECT FROM incoming WHERE incoming.incoming_id = found.incoming_id AND NOT cancelled
    ))
  RETURNING receipts.incoming_id, receipts.state, receipts.attempt, receipts.units, found.state AS was
),
counted AS (
  UPDATE incoming SET received = received + units FROM held
  WHERE incoming.incoming_id = held.incoming_id AND was = 'refused'
)
SELECT
  coalesce(held.state, found.state) AS state, coalesce(held.attempt, found.attempt) AS attempt,
  found.state = 'done' AND found.claimed_at < now() - interval '12 hours' AS "isForgotten"
FROM found LEFT JOIN held USING (incoming_id)
