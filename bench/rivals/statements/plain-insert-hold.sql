-- Notes a hold. $1 owner, $2 generation, $3 product, $4 quantity, $5 order, $6 customer, $7 seconds.
INSERT INTO holds (owner, generation, product, quantity, order_id, customer_id, created_at, expires_at)
VALUES ($1, $2, $3, $4::bigint, $5, $6, now(), now() + make_interval(secs => $7::integer))
RETURNING
  (extract(epoch FROM created_at) * 1000)::float8 AS created_ms,
  (extract(epoch FROM expires_at) * 1000)::float8 AS expires_ms
