-- How far the ledger of its product's partition was when a receipt was first claimed: its movement is
-- behind that, and is not looked for before it. 0: not known.
ALTER TABLE incoming_receipts ADD COLUMN ledger_seq bigint NOT NULL DEFAULT 0;

-- A condition may begin and end again before anything moves: `raise_alert` itself knows which of its
-- alerts came last, and a second fence at one seq is no repetition of the first.
DROP INDEX alerts_once;
CREATE UNIQUE INDEX alerts_once ON alerts (partition, seq, kind, coalesce(product_id, ''))
  WHERE kind NOT IN ('lag', 'lag_over', 'fenced', 'unfenced');
