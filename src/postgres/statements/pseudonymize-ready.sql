-- Those whose movements are all done, which the next step may finish. $1 most of them.
SELECT id, customer_id AS "customerId" FROM pseudonymizations
WHERE customer_id IS NOT NULL AND NOT EXISTS (
  SELECT FROM pseudonymization_parts AS part
  WHERE part.id = pseudonymizations.id AND next_seq <= last_seq
)
ORDER BY asked_at, id LIMIT $1
