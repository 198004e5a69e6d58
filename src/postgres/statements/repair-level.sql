-- Sets the level of $1 partition, $2 product, $3 location to where its last movement ended, if it still
-- is as it was found: $4 seq, $5 on hand, $6 reserved (nulls: there was none).
WITH last AS (
  SELECT product_id, location, partition, on_hand_after, reserved_after, seq, at
  FROM movements
  WHERE partition = $1 AND product_id = $2 AND location = $3
    AND seq <= (SELECT cursor_seq FROM partitions WHERE partitions.partition = $1)
  ORDER BY seq DESC
  LIMIT 1
),
mended AS (
  INSERT INTO levels (product_id, location, partition, on_hand, reserved, seq, updated_at)
  SELECT product_id, location, partition, on_hand_after, reserved_after, seq, at FROM last
  ON CONFLICT (product_id, location) DO UPDATE SET
    on_hand = excluded.on_hand, reserved = excluded.reserved, seq = excluded.seq,
    updated_at = excluded.updated_at
  WHERE levels.seq = $4 AND levels.on_hand = $5 AND levels.reserved = $6
  RETURNING seq
)
SELECT count(*)::integer AS count FROM mended
