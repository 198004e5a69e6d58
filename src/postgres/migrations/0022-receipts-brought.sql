-- A receipt is `brought` when Redis has its units, and `done` when the ledger has them too: what a
-- Redis loses before that is brought again.
ALTER TABLE incoming_receipts DROP CONSTRAINT incoming_receipts_state_check;
ALTER TABLE incoming_receipts ADD CONSTRAINT incoming_receipts_state_check
  CHECK (state IN ('claimed', 'brought', 'done', 'refused'));
-- `holders`: who may bring its units now, or has brought them. The last one whom Redis surely refused
-- gives the receipt back. `attempt` numbers the times that this count began anew: a claim, one after a
-- refusal, and a worker that takes up what all others have left.
ALTER TABLE incoming_receipts ADD COLUMN attempt integer NOT NULL DEFAULT 1;
ALTER TABLE incoming_receipts ADD COLUMN holders integer NOT NULL DEFAULT 1;

DROP INDEX incoming_receipts_claimed;
CREATE INDEX incoming_receipts_open ON incoming_receipts (claimed_at)
  WHERE state IN ('claimed', 'brought');
DROP INDEX incoming_receipts_ended;
CREATE INDEX incoming_receipts_ended ON incoming_receipts (claimed_at)
  WHERE state IN ('done', 'refused');
