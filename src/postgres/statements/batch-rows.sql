-- The rows of a batch, behind a statement that says whose they are: `moved` has its partition and epoch,
-- the seq before its first movement, when its operations were kept, and the partition's key of salts;
-- it is empty when nothing is to be written. The seqs of movements follow one by one.
-- $1 … $15 movements, one array a column. $16 … $22 levels, $23 … $38 products, $39 … $48 reservations,
-- $49 … $56 registered locations, $57 $58 operations: the last state of each. $59 … $63 products that
-- crossed a bound. $64 … $67 records (text null: removed), the last state of each. Every partition's journal brings the same record of a location: one counts.
-- $68 … $70 link, commitment and salt of each movement (hex); without a chain empty arrays, which
-- unnest fills up with null.
new_movements AS (
  INSERT INTO movements (
    seq, epoch, on_hand_before, on_hand_after, reserved_before, reserved_after, at, partition, type,
    product_id, location, reservation_id, order_id, customer_id, actor, reason, reference, request_id,
    chain, chain_commitment, chain_salt
  )
  SELECT
    moved.seq_before + ordinal, moved.epoch, on_hand_before, on_hand_after, reserved_before, reserved_after,
    to_timestamp(at / 1000.0::float8), moved.partition, type, product_id, location, reservation_id,
    order_id, customer_id, actor, reason, reference, request_id,
    decode(link, 'hex'), decode(commitment, 'hex'), decode(salt, 'hex')
  FROM moved, unnest(
    $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
    $15::text[], $68::text[], $69::text[], $70::text[]
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
    $16::text[], $17::text[], $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[],
    $22::bigint[]
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
    last_restocked, limit_since
  )
  SELECT
    product_id, moved.partition, seq, sku, name, price, home, string_to_array(locations, ','),
    low_stock_threshold, reorder_point, reorder_quantity, safety_stock, max_per_customer,
    to_timestamp(created_at / 1000.0::float8), to_timestamp(updated_at / 1000.0::float8),
    to_timestamp(last_restocked / 1000.0::float8), to_timestamp(limit_since / 1000.0::float8)
  FROM moved, unnest(
    $23::text[], $24::bigint[], $25::text[], $26::text[], $27::numeric[], $28::text[], $29::text[],
    $30::bigint[], $31::bigint[], $32::bigint[], $33::bigint[], $34::bigint[], $35::bigint[],
    $36::bigint[], $37::bigint[], $38::bigint[]
  ) AS product (
    product_id, seq, sku, name, price, home, locations, low_stock_threshold, reorder_point,
    reorder_quantity, safety_stock, max_per_customer, created_at, updated_at, last_restocked,
    limit_since
  )
  ON CONFLICT (product_id) DO UPDATE SET
    seq = excluded.seq, sku = excluded.sku, name = excluded.name, price = excluded.price,
    home = excluded.home, locations = excluded.locations,
    low_stock_threshold = excluded.low_stock_threshold, reorder_point = excluded.reorder_point,
    reorder_quantity = excluded.reorder_quantity, safety_stock = excluded.safety_stock,
    max_per_customer = excluded.max_per_customer, updated_at = excluded.updated_at,
    last_restocked = excluded.last_restocked, limit_since = excluded.limit_since
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
    $39::uuid[], $40::bigint[], $41::bigint[], $42::bigint[], $43::text[], $44::text[], $45::text[],
    $46::text[], $47::text[], $48::jsonb[]
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
    $49::text[], $50::bigint[], $51::text[], $52::text[], $53::integer[], $54::integer[],
    $55::bigint[], $56::bigint[]
  ) AS registered (
    location, version, name, address, priority, active, created_at, updated_at
  )
  ON CONFLICT (location) DO UPDATE SET
    version = excluded.version, name = excluded.name, address = excluded.address,
    priority = excluded.priority, active = excluded.active, updated_at = excluded.updated_at
  WHERE locations.version < excluded.version
),
new_operations AS (
  INSERT INTO operations (partition, key, kept, at)
  SELECT moved.partition, key, kept, kept_at
  FROM moved, unnest($57::text[], $58::text[]) AS operation (key, kept)
  ON CONFLICT (partition, key) DO UPDATE SET kept = excluded.kept, at = excluded.at
  WHERE operations.at <= excluded.at
),
new_alerts AS (
  INSERT INTO alerts (partition, seq, number, kind, product_id, units, at)
  SELECT moved.partition, seq, 1, kind, product_id, units, to_timestamp(at / 1000.0::float8)
  FROM moved, unnest(
    $59::bigint[], $60::text[], $61::text[], $62::bigint[], $63::bigint[]
  ) AS crossing (seq, kind, product_id, units, at)
  ON CONFLICT DO NOTHING
),
new_records AS (
  INSERT INTO records (partition, kind, id, text, seq)
  SELECT moved.partition, kind, id, text, seq
  FROM moved, unnest($64::text[], $65::text[], $66::text[], $67::bigint[]) AS record (kind, id, text, seq)
  ON CONFLICT (partition, kind, id) DO UPDATE SET
    text = excluded.text, seq = excluded.seq, written_at = excluded.written_at
  WHERE records.seq < excluded.seq
)
SELECT count(*)::integer AS moved, max(encode(chain_key, 'hex')) AS "chainKey" FROM moved
