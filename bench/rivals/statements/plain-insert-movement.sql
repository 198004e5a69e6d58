-- Notes a movement of $1 product. $2 reserved before, $3 after, $4 owner, $5 context.
INSERT INTO stock_movements (product, reserved_before, reserved_after, owner, context, at)
VALUES ($1, $2::bigint, $3::bigint, $4, $5, now())
