-- The ledger: what was, who it was for, and how far it goes. Ids and keys compare by bytes
-- (COLLATE "C"): the order of pages must not change with the server's locale.

CREATE TABLE store (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  store_id text NOT NULL,
  partitions integer NOT NULL CHECK (partitions BETWEEN 1 AND 9999),
  created_at timestamptz NOT NULL DEFAULT now()
);

-- One row a partition. `epoch` is the last number that was taken for a history of Redis; the cursor
-- is the last movement of the journal that is in the ledger. The row is updated at every append:
-- room on its page keeps those updates in place.
CREATE TABLE partitions (
  partition integer PRIMARY KEY CHECK (partition BETWEEN 0 AND 9998),
  epoch bigint NOT NULL DEFAULT 0 CHECK (epoch >= 0),
  cursor_epoch bigint NOT NULL DEFAULT 0 CHECK (cursor_epoch >= 0),
  cursor_seq bigint NOT NULL DEFAULT 0 CHECK (cursor_seq >= 0)
) WITH (fillfactor = 10);

-- The epochs that began. `began_at_seq` is the last movement of the one before; `run_id` is the
-- Redis server that writes it.
CREATE TABLE epochs (
  partition integer NOT NULL,
  epoch bigint NOT NULL,
  began_at_seq bigint NOT NULL CHECK (began_at_seq >= 0),
  run_id text,
  began_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (partition, epoch)
);

-- `locations` is their order, home first; `seq` is the product's version.
CREATE TABLE products (
  product_id text COLLATE "C" PRIMARY KEY,
  partition integer NOT NULL,
  seq bigint NOT NULL,
  sku text COLLATE "C" NOT NULL CONSTRAINT products_sku_key UNIQUE,
  name text,
  price numeric,
  home text COLLATE "C" NOT NULL,
  locations text[] COLLATE "C" NOT NULL,
  low_stock_threshold bigint NOT NULL,
  reorder_point bigint NOT NULL,
  reorder_quantity bigint NOT NULL,
  safety_stock bigint NOT NULL,
  max_per_customer bigint,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  last_restocked timestamptz
);
CREATE INDEX products_of_partition ON products (partition);

-- The snapshot: each level as it is after the cursor. `restocked_at` is newer than the product's
-- `last_restocked` where a restock changed no attribute.
CREATE TABLE levels (
  product_id text COLLATE "C" NOT NULL,
  location text COLLATE "C" NOT NULL,
  partition integer NOT NULL,
  on_hand bigint NOT NULL CHECK (on_hand >= 0),
  reserved bigint NOT NULL CHECK (reserved >= 0),
  seq bigint NOT NULL,
  updated_at timestamptz NOT NULL,
  restocked_at timestamptz,
  PRIMARY KEY (product_id, location),
  CHECK (reserved <= on_hand)
) WITH (fillfactor = 50);

-- Ranges of seq are made ahead of time by ensure_movement_ranges. The CHECKs are the last fence:
-- a movement that breaks one is set aside, and somebody is told.
CREATE TABLE movements (
  seq bigint NOT NULL,
  epoch bigint NOT NULL,
  on_hand_before bigint NOT NULL CHECK (on_hand_before >= 0),
  on_hand_after bigint NOT NULL CHECK (on_hand_after >= 0),
  reserved_before bigint NOT NULL CHECK (reserved_before >= 0),
  reserved_after bigint NOT NULL CHECK (reserved_after >= 0),
  at timestamptz NOT NULL,
  partition integer NOT NULL,
  type text COLLATE "C" NOT NULL,
  product_id text COLLATE "C" NOT NULL,
  location text COLLATE "C" NOT NULL,
  reservation_id text COLLATE "C",
  order_id text,
  customer_id text,
  actor text NOT NULL,
  reason text,
  reference text,
  request_id text,
  PRIMARY KEY (partition, seq),
  CONSTRAINT movements_held_is_there CHECK (
    reserved_before <= on_hand_before AND reserved_after <= on_hand_after
  ),
  CONSTRAINT movements_deltas_fit_type CHECK (
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
      WHEN 'ATTRIBUTE' THEN on_hand_after = on_hand_before AND reserved_after = reserved_before
      ELSE false
    END
  )
) PARTITION BY RANGE (seq);
-- A product lives in one partition, so its movements have one order of seq.
CREATE INDEX movements_of_product ON movements (product_id, seq);

-- `owner` is the 128-bit hash of the reservation's id. No index names a column that changes, so
-- that the end of a hold is an update in place.
CREATE TABLE reservations (
  owner uuid NOT NULL,
  seq bigint NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  partition integer NOT NULL,
  generation text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL CHECK (status IN ('ACTIVE', 'CONFIRMED', 'CANCELLED', 'EXPIRED')),
  end_reason text COLLATE "C" NOT NULL,
  order_id text COLLATE "C" NOT NULL,
  customer_id text COLLATE "C",
  allocations jsonb NOT NULL,
  PRIMARY KEY (owner, generation, partition)
) WITH (fillfactor = 70);
CREATE INDEX reservations_newest ON reservations (created_at);
CREATE INDEX reservations_of_order ON reservations (order_id, created_at);
CREATE INDEX reservations_of_customer ON reservations (customer_id, created_at)
  WHERE customer_id IS NOT NULL;

-- Movements that PostgreSQL refused. `payload` is json, not jsonb: it must take what jsonb does not
-- (a zero byte). `settled_at` is set by an operator.
CREATE TABLE quarantine (
  partition integer NOT NULL,
  seq bigint NOT NULL,
  epoch bigint NOT NULL,
  payload json NOT NULL,
  error text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  settled_at timestamptz,
  PRIMARY KEY (partition, seq)
);

-- Makes every range of 10 000 000 that holds a seq from `first` to `last`, and answers how many it
-- made. A range is made aside and then attached: that lets inserts into its siblings go on.
CREATE FUNCTION ensure_movement_ranges(first bigint, last bigint) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  width CONSTANT bigint := 10000000;
  start bigint := first / width * width;
  name text;
  made integer := 0;
BEGIN
  -- Only one caller at a time; it is the lock that ATTACH takes anyway.
  LOCK TABLE movements IN SHARE UPDATE EXCLUSIVE MODE;
  WHILE start <= last LOOP
    name := 'movements_' || start;
    IF to_regclass(name) IS NULL THEN
      EXECUTE format('CREATE TABLE %I (LIKE movements INCLUDING ALL)', name);
      EXECUTE format('ALTER TABLE movements ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
        name, start, start + width);
      made := made + 1;
    END IF;
    start := start + width;
  END LOOP;
  RETURN made;
END $$;
