-- Removes operations that no repeat may ask for any more. $1 milliseconds that they are kept, $2 most rows.
WITH old AS (
  SELECT partition, key FROM operations
  WHERE at < now() - $1::bigint * interval '1 millisecond'
  ORDER BY at LIMIT $2
),
forgotten AS (
  DELETE FROM operations USING old
  WHERE operations.partition = old.partition AND operations.key = old.key
  RETURNING 1
)
SELECT count(*)::integer AS forgotten FROM forgotten
