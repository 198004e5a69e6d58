-- What a partition keeps beside stock, holds and locations: limits, campaigns, who waits. A movement of the
-- type RECORD says that one changed.

-- `text` null: it was removed; the row stays for a while, so that what comes late does not bring it back.
CREATE TABLE records (
  partition integer NOT NULL,
  kind text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  text text,
  seq bigint NOT NULL,
  written_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (partition, kind, id)
);
CREATE INDEX records_removed ON records (written_at) WHERE text IS NULL;

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
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS movements_without_product_move_nothing', one);
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
      WHEN 'RECORD' THEN product_id IS NULL
      WHEN 'DRIFT' THEN true
      WHEN 'RECONCILE' THEN true
      ELSE false
    END
  ),
  ADD CONSTRAINT movements_without_product_move_nothing CHECK (
    product_id IS NOT NULL
    OR (type IN ('ATTRIBUTE', 'RECORD') AND on_hand_after = 0 AND reserved_after = 0)
  );
