-- Reconciliation: what changed without a record, and its reversal; and the runs that were asked for.

-- The ranges were attached with constraints of their own, which do not follow the parent's.
DO $$
DECLARE
  one regclass;
BEGIN
  FOR one IN
    SELECT 'movements'::regclass
    UNION ALL
    SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'movements'::regclass
  LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS movements_deltas_fit_type', one);
  END LOOP;
END $$;

ALTER TABLE movements
  ADD CONSTRAINT movements_deltas_fit_type CHECK (
    CASE type
      WHEN 'RESERVE' THEN on_hand_after = on_hand_before AND reserved_after >= reserved_before
      WHEN 'SALE' THEN
        on_hand_after < on_hand_before
        AND reserved_before - reserved_after IN (0, on_hand_before - on_hand_after)
      WHEN 'RELEASE' THEN on_hand_after = on_hand_before AND reserved_after <= reserved_before
      WHEN 'EXPIRE' THEN on_hand_after = on_hand_before AND reserved_after <= reserved_before
      WHEN 'INITIAL' THEN on_hand_before = 0 AND reserved_before = 0 AND reserved_after = 0
      WHEN 'RESTOCK' THEN on_hand_after > on_hand_before AND reserved_after = reserved_before
      WHEN 'RETURN' THEN on_hand_after > on_hand_before AND reserved_after = reserved_before
      WHEN 'ADJUSTMENT' THEN reserved_after = reserved_before
      WHEN 'EXTEND' THEN on_hand_after = on_hand_before AND reserved_after = reserved_before
      WHEN 'TRANSFER' THEN on_hand_after <> on_hand_before AND reserved_after = reserved_before
      WHEN 'COUNT' THEN reserved_after = reserved_before
      WHEN 'ATTRIBUTE' THEN on_hand_after = on_hand_before AND reserved_after = reserved_before
      WHEN 'DRIFT' THEN true
      WHEN 'RECONCILE' THEN true
      ELSE false
    END
  );

-- `report` is what a run has found so far; `payload` the hash of the request that has its key.
CREATE TABLE reconcile_runs (
  id text COLLATE "C" PRIMARY KEY,
  scope jsonb NOT NULL,
  mode text NOT NULL CHECK (mode IN ('report', 'repair')),
  status text NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'failed')),
  payload text NOT NULL,
  asked_by text NOT NULL,
  asked_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  progress integer NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
  report jsonb,
  error text
);
CREATE INDEX reconcile_runs_newest ON reconcile_runs (asked_at);
