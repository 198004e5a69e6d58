-- Replaces a customer's id in some of its holds, once all its movements are done; where none is left,
-- the work is finished and forgets whose it was. $1 most holds.
WITH asked AS (
  SELECT id, customer_id, pseudonym FROM pseudonymizations
  WHERE customer_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM pseudonymization_parts AS part
    WHERE part.id = pseudonymizations.id AND next_seq <= last_seq
  )
  ORDER BY asked_at, id
  LIMIT 1
  FOR UPDATE SKIP LOCKED
),
-- Those that began after the request are as if they came after it.
ended AS (
  SELECT owner, generation, own.partition, pseudonym
  FROM asked JOIN reservations AS own USING (customer_id)
  JOIN pseudonymization_parts AS part ON part.id = asked.id AND part.partition = own.partition
  WHERE own.seq <= last_seq AND status <> 'ACTIVE'
  LIMIT $1
),
replaced AS (
  UPDATE reservations AS own SET customer_id = ended.pseudonym FROM ended
  WHERE own.owner = ended.owner AND own.generation = ended.generation
    AND own.partition = ended.partition
  RETURNING 1
),
counted AS (SELECT count(*) AS holds FROM replaced),
noted AS (
  UPDATE pseudonymizations AS own SET
    reservations = reservations + holds,
    customer_id = CASE WHEN holds > 0 THEN own.customer_id END,
    finished_at = CASE WHEN holds = 0 THEN now() END
  FROM asked, counted WHERE own.id = asked.id
)
SELECT count(*)::integer AS asked FROM asked
