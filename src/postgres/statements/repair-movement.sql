-- Puts one movement where its number is missing. $1 … $18 its columns; $7 null: the time of the one
-- after it. $19 … $21 link, commitment and salt (hex); null: it has no link.
WITH mended AS (
  INSERT INTO movements (
    seq, epoch, on_hand_before, on_hand_after, reserved_before, reserved_after, at, partition, type,
    product_id, location, reservation_id, order_id, customer_id, actor, reason, reference, request_id,
    chain, chain_commitment, chain_salt
  )
  VALUES (
    $1, $2, $3, $4, $5, $6,
    coalesce(
      to_timestamp($7::bigint / 1000.0::float8),
      (SELECT at FROM movements WHERE partition = $8 AND seq > $1 ORDER BY seq LIMIT 1),
      now()
    ),
    $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
    decode($19::text, 'hex'), decode($20::text, 'hex'), decode($21::text, 'hex')
  )
  ON CONFLICT DO NOTHING
  RETURNING seq
)
SELECT count(*)::integer AS count FROM mended
