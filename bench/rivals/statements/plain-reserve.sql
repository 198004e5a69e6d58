-- Takes units if there are enough, and notes the hold and the movement; no row when there are not.
-- $1 product, $2 quantity, $3 owner, $4 generation, $5 order, $6 customer, $7 seconds, $8 context.
WITH taken AS (
  UPDATE stock SET reserved = reserved + $2::bigint
  WHERE product = $1 AND on_hand - reserved >= $2::bigint
  RETURNING product, reserved
),
hold AS (
  INSERT INTO holds (
    owner, generation, product, quantity, order_id, customer_id, created_at, expires_at
  )
  SELECT $3, $4, product, $2::bigint, $5, $6, now(), now() + make_interval(secs => $7::integer)
  FROM taken
  RETURNING created_at, expires_at
),
movement AS (
  INSERT INTO stock_movements (product, reserved_before, reserved_after, owner, context, at)
  SELECT product, reserved - $2::bigint, reserved, $3, $8, now() FROM taken
)
SELECT
  (extract(epoch FROM created_at) * 1000)::float8 AS created_ms,
  (extract(epoch FROM expires_at) * 1000)::float8 AS expires_ms
FROM hold
