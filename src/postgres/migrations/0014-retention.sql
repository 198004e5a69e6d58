-- Old ranges of movements are put away: their table is detached and stays under its name for an
-- operator to dump and drop. What is still asked of them stands here, all of it up to and including
-- `seq` of `partition_openings`.
CREATE TABLE put_away_ranges (
  first_seq bigint PRIMARY KEY,
  last_seq bigint NOT NULL,
  table_name text NOT NULL,
  put_away_at timestamptz NOT NULL DEFAULT now()
);
-- `at` is the time of the last movement that was put away, `chain` its link.
CREATE TABLE partition_openings (
  partition integer PRIMARY KEY,
  seq bigint NOT NULL,
  at timestamptz,
  chain bytea
);
-- What each level was after the last of its movements that were put away: the sum of them all.
CREATE TABLE level_openings (
  product_id text COLLATE "C" NOT NULL,
  location text COLLATE "C" NOT NULL,
  partition integer NOT NULL,
  seq bigint NOT NULL,
  on_hand bigint NOT NULL,
  reserved bigint NOT NULL,
  PRIMARY KEY (product_id, location)
);
-- What orders were sold and what came back: a return asks for both.
CREATE TABLE order_openings (
  order_id text NOT NULL,
  product_id text COLLATE "C" NOT NULL,
  customer_id text,
  sold bigint NOT NULL,
  returned bigint NOT NULL
);
CREATE UNIQUE INDEX order_openings_of_order
  ON order_openings (order_id, product_id, coalesce(customer_id, ''));
CREATE INDEX order_openings_of_customer ON order_openings (customer_id)
  WHERE customer_id IS NOT NULL;

-- Puts the oldest range away, in the caller's transaction. Movements never change, so that nothing but
-- the last step is in anybody's way: it waits for `lock_timeout` at most.
CREATE FUNCTION put_away_movements(first bigint, last bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  name CONSTANT text := 'movements_' || first;
  wrong text;
BEGIN
  LOCK TABLE put_away_ranges IN EXCLUSIVE MODE;
  -- Who is replacing a customer's id would leave it in the sums of orders; whoever asks waits.
  LOCK TABLE pseudonymizations IN SHARE MODE;
  IF EXISTS (SELECT FROM pseudonymizations WHERE finished_at IS NULL) THEN
    RAISE EXCEPTION 'a customer''s id is being replaced: try again when that is finished';
  END IF;
  EXECUTE format($sql$
    CREATE TEMPORARY TABLE put_away_levels ON COMMIT DROP AS
    SELECT
      sums.*, own.on_hand_after AS on_hand, own.reserved_after AS reserved
    FROM (
      SELECT
        product_id, location, partition, max(seq) AS seq,
        sum(on_hand_after - on_hand_before) AS on_hand_sum,
        sum(reserved_after - reserved_before) AS reserved_sum
      FROM %1$I WHERE product_id IS NOT NULL GROUP BY product_id, location, partition
    ) AS sums JOIN %1$I AS own USING (partition, seq)
  $sql$, name);
  -- Where all earlier movements are known, they add up; but for what was set aside and settled.
  IF first = 0 OR EXISTS (SELECT FROM put_away_ranges WHERE last_seq = first - 1) THEN
    SELECT format('%s at %s', put.product_id, put.location) INTO wrong
    FROM put_away_levels AS put LEFT JOIN level_openings AS opening USING (product_id, location)
    WHERE (
      coalesce(opening.on_hand, 0) + on_hand_sum <> put.on_hand
      OR coalesce(opening.reserved, 0) + reserved_sum <> put.reserved
    ) AND NOT EXISTS (
      SELECT FROM quarantine WHERE quarantine.partition = put.partition
        AND strpos(payload::text, '"productId":"' || put.product_id || '"') > 0
    )
    LIMIT 1;
    IF wrong IS NOT NULL THEN
      RAISE EXCEPTION 'the movements of % do not add up', wrong;
    END IF;
  END IF;
  INSERT INTO level_openings (product_id, location, partition, seq, on_hand, reserved)
  SELECT product_id, location, partition, seq, on_hand, reserved FROM put_away_levels
  ON CONFLICT (product_id, location) DO UPDATE SET
    seq = excluded.seq, on_hand = excluded.on_hand, reserved = excluded.reserved;
  EXECUTE format($sql$
    INSERT INTO order_openings AS own (order_id, product_id, customer_id, sold, returned)
    SELECT
      order_id, product_id, customer_id,
      coalesce(sum(on_hand_before - on_hand_after) FILTER (WHERE type = 'SALE'), 0),
      coalesce(sum(on_hand_after - on_hand_before) FILTER (WHERE type = 'RETURN'), 0)
    FROM %I WHERE type IN ('SALE', 'RETURN') AND order_id IS NOT NULL
    GROUP BY order_id, product_id, customer_id
    ON CONFLICT (order_id, product_id, coalesce(customer_id, '')) DO UPDATE SET
      sold = own.sold + excluded.sold, returned = own.returned + excluded.returned
  $sql$, name);
  EXECUTE format($sql$
    INSERT INTO partition_openings AS own (partition, seq, at, chain)
    SELECT
      partition, $1,
      (SELECT at FROM %1$I AS put WHERE put.partition = partitions.partition
        ORDER BY seq DESC LIMIT 1),
      coalesce(
        (SELECT chain FROM %1$I AS put WHERE put.partition = partitions.partition AND seq = $1),
        (SELECT chain FROM quarantine AS aside
          WHERE aside.partition = partitions.partition AND seq = $1)
      )
    FROM partitions
    ON CONFLICT (partition) DO UPDATE SET
      seq = excluded.seq, at = coalesce(excluded.at, own.at), chain = excluded.chain
  $sql$, name) USING last;
  INSERT INTO put_away_ranges (first_seq, last_seq, table_name) VALUES (first, last, name);
  EXECUTE format('ALTER TABLE movements DETACH PARTITION %I', name);
END $$;

-- Replaces a customer's id in tables that were put away and are still there.
CREATE FUNCTION pseudonymize_put_away(
  of_partition integer, first bigint, last bigint, customer text, pseudonym text
) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  one record;
  changed bigint;
  total bigint := 0;
BEGIN
  FOR one IN
    SELECT table_name FROM put_away_ranges
    WHERE last_seq >= first AND first_seq <= last AND to_regclass(quote_ident(table_name)) IS NOT NULL
  LOOP
    EXECUTE format($sql$
      UPDATE %I SET
        customer_id = CASE WHEN customer_id = $4 THEN $5 ELSE customer_id END,
        actor = CASE WHEN actor = 'customer:' || $4 THEN 'customer:' || $5 ELSE actor END,
        chain_salt = NULL
      WHERE partition = $1 AND seq BETWEEN $2 AND $3
        AND (customer_id = $4 OR actor = 'customer:' || $4)
    $sql$, one.table_name) USING of_partition, first, last, customer, pseudonym;
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;
  END LOOP;
  RETURN total;
END $$;
