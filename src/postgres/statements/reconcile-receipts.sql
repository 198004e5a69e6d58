-- The next $3 receipts behind $1 incoming and $2 receipt. `ageMs`: since somebody held it last.
SELECT
  incoming_id AS "incomingId", receipt, units, state, product_id AS "productId", partition,
  ledger_seq AS "ledgerSeq", (extract(epoch FROM now() - claimed_at) * 1000)::bigint AS "ageMs"
FROM incoming_receipts JOIN incoming USING (incoming_id) JOIN products USING (product_id)
WHERE (incoming_id, receipt) > ($1::uuid, $2::integer)
ORDER BY incoming_id, receipt
LIMIT $3
