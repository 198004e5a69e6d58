-- One batch of the journal, or nothing: `moved` is empty when the cursor is elsewhere or another
-- epoch has begun since the drain asked where the cursor is, and then no row is written. A
-- concurrent append waits for the row of `moved` and then finds the cursor elsewhere.
-- $1 partition, $2 $3 cursor before, $4 $5 cursor after, $6 epoch of the partition.
-- $7 … $21 movements, one array a column; their seqs follow the cursor one by one.
-- $22 … $28 levels, $29 … $43 products, $44 … $53 reservations, $54 … $61 registered locations, $62 $63
-- operations: the last state of each. $64 … $68 products that crossed a bound. Every partition's
-- journal brings the same record of a location: one counts.
-- $69 $70 last link of the chain before and after, $71 … $73 link, commitment and salt of each
-- movement (all hex); without a chain null, and empty arrays, which unnest fills up with null.
WITH moved AS (
  UPDATE partitions SET cursor_epoch = $4, cursor_seq = $5, chain = decode($70::text, 'hex')
  WHERE partition = $1 AND cursor_epoch = $2 AND cursor_seq = $3 AND epoch = $6
    AND chain IS NOT DISTINCT FROM decode($69::text, 'hex')
  RETURNING partition, chain_key
),
new_movements AS (
  INSERT INTO movements (
    seq, epoch, on_hand_before, on_hand_after, reserved_before, reserved_after, at, partition, type,
    product_id, location, reservation_id, order_id, customer_id, actor, reason, reference, request_id,
    chain, chain_commitment, chain_salt
  )
  SELECT
    $3::bigint + ordinal, $4::bigint, on_hand_before, on_hand_after, reserved_before, reserved_after,
    to_timestamp(at / 1000.0::float8), moved.partition, type, product_id, location, reservation_id,
    order_id, customer_id, actor, reason, reference, request_id,
    decode(link, 'hex'), decode(commitment, 'hex'), decode(salt, 'hex')
  FROM moved, unnest(
    $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::text[],
    $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[],
    $21::text[], $71::text[], $72::text[], $73::text[]
  ) WITH ORDINALITY AS movement (
    on_hand_before, on_hand_after, reserved_before, reserved_after, at, type, product_id, location,
    reservation_id, order_id, customer_id, actor, reason, reference, request_id, link, commitment, salt,
    ordinal
  )
),
new_levels AS (
  INSERT INTO levels (
    product_id, location, partition, on_hand, reserved, seq, updated_at, restocked_at
  )
  SELECT
    product_id, location, moved.partition, on_hand, reserved, seq,
    to_timestamp(updated_at / 1000.0::float8), to_timestamp(restocked_at / 1000.0::float8)
  FROM moved, unnest(
    $22::text[], $23::text[], $24::bigint[], $25::bigint[], $26::bigint[], $27::bigint[],
    $28::bigint[]
  ) AS level (product_id, location, on_hand, reserved, seq, updated_at, restocked_at)
  ON CONFLICT (product_id, location) DO UPDATE SET
    on_hand = excluded.on_hand, reserved = excluded.reserved, seq = excluded.seq,
    updated_at = excluded.updated_at,
    restocked_at = coalesce(excluded.restocked_at, levels.restocked_at)
  WHERE levels.seq < excluded.seq
),
new_products AS (
  INSERT INTO products (
    product_id, partition, seq, sku, name, price, home, locations, low_stock_threshold,
    reorder_point, reorder_quantity, safety_stock, max_per_customer, created_at, updated_at,
    last_restocked
  )
  SELECT
    product_id, moved.partition, seq, sku, name, price, home, string_to_array(locations, ','),
    low_stock_threshold, reorder_point, reorder_quantity, safety_stock, max_per_customer,
    to_timestamp(created_at / 1000.0::float8), to_timestamp(updated_at / 1000.0::float8),
    to_timestamp(last_restocked / 1000.0::float8)
  FROM moved, unnest(
    $29::text[], $30::bigint[], $31::text[], $32::text[], $33::numeric[], $34::text[], $35::text[],
    $36::bigint[], $37::bigint[], $38::bigint[], $39::bigint[], $40::bigint[], $41::bigint[],
    $42::bigint[], $43::bigint[]
  ) AS product (
    product_id, seq, sku, name, price, home, locations, low_stock_threshold, reorder_point,
    reorder_quantity, safety_stock, max_per_customer, created_at, updated_at, last_restocked
  )
  ON CONFLICT (product_id) DO UPDATE SET
    seq = excluded.seq, sku = excluded.sku, name = excluded.name, price = excluded.price,
    home = excluded.home, locations = excluded.locations,
    low_stock_threshold = excluded.low_stock_threshold, reorder_point = excluded.reorder_point,
    reorder_quantity = excluded.reorder_quantity, safety_stock = excluded.safety_stock,
    max_per_customer = excluded.max_per_customer, updated_at = excluded.updated_at,
    last_restocked = excluded.last_restocked
  WHERE products.seq < excluded.seq
),
new_reservations AS (
  INSERT INTO reservations (
    owner, seq, created_at, expires_at, partition, generation, status, end_reason, order_id,
    customer_id, allocations
  )
  SELECT
    owner, seq, to_timestamp(created_at / 1000.0::float8),
    to_timestamp(expires_at / 1000.0::float8), moved.partition, generation, status, end_reason,
    order_id, customer_id, allocations
  FROM moved, unnest(
    $44::uuid[], $45::bigint[], $46::bigint[], $47::bigint[], $48::text[], $49::text[], $50::text[],
    $51::text[], $52::text[], $53::jsonb[]
  ) AS reservation (
    owner, seq, created_at, expires_at, generation, status, end_reason, order_id, customer_id,
    allocations
  )
  ON CONFLICT (owner, generation, partition) DO UPDATE SET
    seq = excluded.seq, expires_at = excluded.expires_at, status = excluded.status,
    end_reason = excluded.end_reason, allocations = excluded.allocations
  WHERE reservations.seq < excluded.seq
),
new_locations AS (
  INSERT INTO locations (
    location, version, name, address, priority, active, created_at, updated_at
  )
  SELECT
    location, version, name, address, priority, active = 1,
    to_timestamp(created_at / 1000.0::float8), to_timestamp(updated_at / 1000.0::float8)
  FROM moved, unnest(
    $54::text[], $55::bigint[], $56::text[], $57::text[], $58::integer[], $59::integer[],
    $60::bigint[], $61::bigint[]
  ) AS registered (
    location, version, name, address, priority, active, created_at, updated_at
  )
  ON CONFLICT (location) DO UPDATE SET
    version = excluded.version, name = excluded.name, address = excluded.address,
    priority = excluded.priority, active = excluded.active, updated_at = excluded.updated_at
  WHERE locations.version < excluded.version
),
new_operations AS (
  INSERT INTO operations (partition, key, kept)
  SELECT moved.partition, key, kept
  FROM moved, unnest($62::text[], $63::text[]) AS operation (key, kept)
  ON CONFLICT (partition, key) DO UPDATE SET kept = excluded.kept, at = excluded.at
),
new_alerts AS (
  INSERT INTO alerts (partition, seq, number, kind, product_id, units, at)
  SELECT moved.partition, seq, 1, kind, product_id, units, to_timestamp(at / 1000.0::float8)
  FROM moved, unnest(
    $64::bigint[], $65::text[], $66::text[], $67::bigint[], $68::bigint[]
  ) AS crossing (seq, kind, product_id, units, at)
  ON CONFLICT DO NOTHING
)
SELECT count(*)::integer AS moved, max(encode(chain_key, 'hex')) AS "chainKey" FROM moved
