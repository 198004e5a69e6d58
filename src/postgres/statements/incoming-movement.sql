-- Whether the ledger has a receipt's movement. It is behind what the ledger had when the receipt was
-- claimed, and among what people do, which is rare. $1 id, $2 receipt, $3 partition of its product,
-- $4 reason of its movement.
SELECT EXISTS (
  SELECT FROM movements
  WHERE partition = $3 AND type = 'RESTOCK'
    AND type NOT IN ('RESERVE', 'SALE', 'RELEASE', 'EXPIRE', 'EXTEND')
    AND seq > (
      SELECT ledger_seq FROM incoming_receipts WHERE incoming_id = $1::uuid AND receipt = $2::integer
    )
    AND reason = $4
) AS "isThere"
