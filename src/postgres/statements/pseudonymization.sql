-- How far one is. $1 id.
SELECT
  id, movements, reservations,
  (extract(epoch FROM asked_at) * 1000)::bigint AS "askedAt",
  (extract(epoch FROM finished_at) * 1000)::bigint AS "finishedAt",
  coalesce((
    SELECT floor(100 * sum(next_seq - first_seq) / nullif(sum(last_seq + 1 - first_seq), 0))
    FROM pseudonymization_parts AS part WHERE part.id = pseudonymizations.id
  ), 100)::integer AS progress
FROM pseudonymizations WHERE id = $1
