-- Whether the ledger has a receipt's movement, or keeps it aside: then an operator decides on it. It is
-- behind what the ledger had when the receipt was claimed, and among what people do, which is rare.
-- $1 id, $2 receipt, $3 partition of its product, $4 reason of its movement.
WITH claimed AS (
  SELECT ledger_seq FROM incoming_receipts WHERE incoming_id = $1::uuid AND receipt = $2::integer
)
SELECT EXISTS (
  SELECT FROM movements
  WHERE partition = $3 AND type = 'RESTOCK'
    AND type NOT IN ('RESERVE', 'SALE', 'RELEASE', 'EXPIRE', 'EXTEND')
    AND seq > (SELECT ledger_seq FROM claimed) AND reason = $4
) OR EXISTS (
  SELECT FROM quarantine
  WHERE partition = $3 AND seq > (SELECT ledger_seq FROM claimed)
    AND strpos(payload::text, '"reason":' || to_json($4::text)) > 0
) AS "isThere"
