-- Transfers between locations, and the registry of locations.

-- A location as it was last registered or amended; `version` is the seq of that in partition 0, which
-- decides for all. Locations that nobody registered are active and of priority 100.
CREATE TABLE locations (
  location text COLLATE "C" PRIMARY KEY,
  version bigint NOT NULL,
  name text,
  address text,
  priority integer NOT NULL CHECK (priority BETWEEN 0 AND 1000),
  active boolean NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
-- What stands at a location: the low-stock list asks for the inactive ones.
CREATE INDEX levels_of_location ON levels (location);

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
    EXECUTE format('ALTER TABLE %s ALTER COLUMN product_id DROP NOT NULL', one);
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
      WHEN 'ATTRIBUTE' THEN on_hand_after = on_hand_before AND reserved_after = reserved_before
      ELSE false
    END
  ),
  -- A change of the registry is of a location alone, and has no units before or after.
  ADD CONSTRAINT movements_without_product_move_nothing CHECK (
    product_id IS NOT NULL OR (type = 'ATTRIBUTE' AND on_hand_after = 0 AND reserved_after = 0)
  );
