-- Writes the row of a reservation as its record has it, unless the row is newer than that, or as new and
-- not as it was found: $12 status and $13 allocations (JSON; nulls: none was found). One that was found
-- and is gone was removed for its age: it stays so.
-- $1 owner, $2 seq, $3 created, $4 expires (null: it stands), $5 partition, $6 generation, $7 status,
-- $8 end reason, $9 order, $10 customer, $11 allocations (JSON).
WITH mended AS (
  INSERT INTO reservations (
    owner, seq, created_at, expires_at, partition, generation, status, end_reason, order_id,
    customer_id, allocations
  )
  SELECT
    $1::uuid, $2::bigint, to_timestamp($3::bigint / 1000.0::float8),
    to_timestamp($4::bigint / 1000.0::float8), $5::integer, $6, $7, $8, $9, $10, $11::text::jsonb
  WHERE $12::text IS NULL OR EXISTS (
    SELECT FROM reservations
    WHERE owner = $1::uuid AND generation = $6 AND reservations.partition = $5::integer
  )
  ON CONFLICT (owner, generation, partition) DO UPDATE SET
    seq = excluded.seq, expires_at = excluded.expires_at, status = excluded.status,
    end_reason = excluded.end_reason, allocations = excluded.allocations
  WHERE reservations.seq < excluded.seq OR (
    reservations.seq = excluded.seq AND reservations.status = $12
    AND reservations.allocations = $13::text::jsonb
  )
  RETURNING seq
)
SELECT count(*)::integer AS count FROM mended
