-- Indexes and a look-up by time for lists of movements, and for what was there at some instant.

-- With the location in between, the movements of one level are found however many the others of
-- its product have; those of the product are a merge of its levels (64 at most).
DROP INDEX movements_of_product;
CREATE INDEX movements_of_level ON movements (product_id, location, seq);

-- All that happened to an order, its holds included; before, only what it was sold and returned.
DROP INDEX movements_sales_of_order;
CREATE INDEX movements_of_order ON movements (order_id, product_id) WHERE order_id IS NOT NULL;

-- What people and other systems do beside selling is rare among what holds write, and asked for by
-- its type. Partial, so that holds and sales pay nothing; the same types stand in
-- movement-conditions.ts.
CREATE INDEX movements_by_hand ON movements (partition, seq)
  WHERE type NOT IN ('RESERVE', 'SALE', 'RELEASE', 'EXPIRE', 'EXTEND');

-- The first seq of that partition whose movement, and every later one, is of `wanted` or later;
-- behind the last one where there is none. The time of a partition never goes back
-- (`meta.lastNow`), so its movements are sorted by time as they are by seq, and time needs no index.
CREATE FUNCTION first_movement_at(wanted_partition integer, wanted timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
  low bigint;
  high bigint;
  middle bigint;
  found record;
BEGIN
  SELECT cursor_seq + 1 INTO high FROM partitions WHERE partition = wanted_partition;
  SELECT seq INTO low FROM movements WHERE partition = wanted_partition ORDER BY seq LIMIT 1;
  low := coalesce(low, high);
  -- Below low all is earlier; from high on nothing is.
  WHILE low < high LOOP
    middle := (low + high) / 2;
    SELECT seq, at INTO found FROM movements
    WHERE partition = wanted_partition AND seq >= middle AND seq < high
    ORDER BY seq LIMIT 1;
    -- Where a seq is missing, its movement was set aside.
    IF found.seq IS NULL OR found.at >= wanted THEN
      high := middle;
    ELSE
      low := found.seq + 1;
    END IF;
  END LOOP;
  RETURN low;
END $$;
