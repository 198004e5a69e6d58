-- Counts: what is on hand is set to what somebody found, which may be what was there.

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
      ELSE false
    END
  );
