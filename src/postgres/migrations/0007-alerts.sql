-- Alerts: what became of products that crossed a bound, as the journal tells it, and what somebody
-- found and raised. Both stand in the order of their partition's movements: `number` 1 belongs to
-- the movement `seq` itself, higher ones were raised when the ledger stood at `seq`.
CREATE TABLE alerts (
  seq bigint NOT NULL,
  number bigint NOT NULL CHECK (number >= 1),
  units bigint,
  at timestamptz NOT NULL DEFAULT now(),
  partition integer NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN (
    'low', 'out', 'back_in_stock', 'drift', 'quarantine', 'gap', 'lag', 'lag_over', 'fenced',
    'unfenced'
  )),
  product_id text COLLATE "C",
  detail text,
  PRIMARY KEY (partition, seq, number)
);
CREATE UNIQUE INDEX alerts_once ON alerts (partition, seq, kind, coalesce(product_id, ''));
CREATE INDEX alerts_newest ON alerts (at);
CREATE INDEX alerts_of_product ON alerts (product_id, seq) WHERE product_id IS NOT NULL;

-- Number of the last alert that was raised; it rises under the same row lock as the cursor moves, so
-- that whoever sees a movement sees every alert before it.
ALTER TABLE partitions ADD COLUMN raised bigint NOT NULL DEFAULT 1;

-- Raises an alert where the ledger stands, and answers whether it is a new one. `ends` is the kind
-- that ends this one, `begins` the kind that this one ends: a condition is raised once until it ended.
-- A function, for what another one raised while this one waited for the row must be seen.
CREATE FUNCTION raise_alert(
  of_partition integer, of_kind text, begins text, ends text, product text, of_units bigint, said text
) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  stand bigint;
  next_number bigint;
  last_kind text;
BEGIN
  UPDATE partitions SET raised = raised + 1 WHERE partition = of_partition
  RETURNING cursor_seq, raised INTO stand, next_number;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the store has no partition %', of_partition;
  END IF;
  IF begins IS NOT NULL OR ends IS NOT NULL THEN
    SELECT kind INTO last_kind FROM alerts
    WHERE partition = of_partition AND kind IN (of_kind, coalesce(begins, ends))
      AND product_id IS NOT DISTINCT FROM product
    ORDER BY seq DESC, number DESC LIMIT 1;
    IF coalesce(last_kind, ends, of_kind) = of_kind THEN
      RETURN false;
    END IF;
  END IF;
  INSERT INTO alerts (partition, seq, number, kind, product_id, units, detail)
  VALUES (of_partition, stand, next_number, of_kind, product, of_units, said)
  ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$;

-- Whether a condition lasts is asked at each start and every two seconds, under the lock that the
-- drain needs: what stock crosses, without end, must not be read for it.
CREATE INDEX alerts_of_conditions ON alerts (partition, kind, seq DESC, number DESC)
  WHERE kind IN ('lag', 'lag_over', 'fenced', 'unfenced');
