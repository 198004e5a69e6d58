-- Replaces a customer's id in some of its holds, and of the sums of its orders, once all its movements
-- are done; where none is left, the work is finished and forgets whose it was. $1 most of each, $2 ids of those
-- that may be: whoever limits counted under it is out of their counts by then.
WITH asked AS (
  SELECT id, customer_id, pseudonym FROM pseudonymizations
  WHERE customer_id IS NOT NULL AND id = ANY ($2::text[]) AND NOT EXISTS (
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
-- Nothing is put away while this goes on: these sums are older than the request.
bought AS (
  UPDATE order_openings AS own SET customer_id = asked.pseudonym FROM asked
  WHERE own.ctid = ANY (ARRAY(
    SELECT opening.ctid FROM order_openings AS opening JOIN asked USING (customer_id) LIMIT $1
  ))
  RETURNING 1
),
counted AS (
  SELECT
    (SELECT count(*) FROM replaced) AS holds,
    (SELECT count(*) FROM replaced) + (SELECT count(*) FROM bought) AS rows
),
noted AS (
  UPDATE pseudonymizations AS own SET
    reservations = reservations + holds,
    customer_id = CASE WHEN rows > 0 THEN own.customer_id END,
    finished_at = CASE WHEN rows = 0 THEN now() END
  FROM asked, counted WHERE own.id = asked.id
)
SELECT count(*)::integer AS asked FROM asked
