-- How far the ledger of its product's partition was when a receipt was first claimed: its movement is
-- behind that, and is not looked for before it. 0: not known.
ALTER TABLE incoming_receipts ADD COLUMN ledger_seq bigint NOT NULL DEFAULT 0;
