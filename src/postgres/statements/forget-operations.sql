-- Removes operations that no repeat may ask for any more, the keys of pseudonymizations, and what is left of
-- records that were removed, once nothing set aside may be older than that. $1 milliseconds that they are kept, $2 most rows.
WITH old AS (
  SELECT partition, key FROM operations
  WHERE at < now() - $1::bigint * interval '1 millisecond'
  ORDER BY at LIMIT $2
),
forgotten AS (
  DELETE FROM operations USING old
  WHERE operations.partition = old.partition AND operations.key = old.key
  RETURNING 1
),
unkept AS (
  UPDATE quarantine SET operations = NULL
  WHERE operations IS NOT NULL AND created_at < now() - $1::bigint * interval '1 millisecond'
),
unnamed AS (
  UPDATE pseudonymizations SET key = NULL, payload = NULL
  WHERE key IS NOT NULL AND asked_at < now() - $1::bigint * interval '1 millisecond'
),
unrecorded AS (
  DELETE FROM records WHERE (partition, kind, id) IN (
    SELECT partition, kind, id FROM records
    WHERE text IS NULL AND written_at < now() - $1::bigint * interval '1 millisecond'
      AND NOT EXISTS (SELECT FROM quarantine WHERE settled_at IS NULL)
    ORDER BY written_at LIMIT $2
  )
)
SELECT count(*)::integer AS forgotten FROM forgotten
