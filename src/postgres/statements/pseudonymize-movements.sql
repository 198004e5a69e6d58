-- Replaces a customer's id in the next movements of one partition, and in those of them that were
-- set aside. $1 movements to look at. Another worker's part is passed over.
WITH part AS (
  SELECT
    part.id, part.partition, next_seq, least(next_seq + $1::bigint - 1, last_seq) AS end_seq,
    asked.customer_id, pseudonym
  FROM pseudonymization_parts AS part JOIN pseudonymizations AS asked USING (id)
  WHERE next_seq <= last_seq
  ORDER BY asked_at, part.id, part.partition
  LIMIT 1
  FOR UPDATE OF part SKIP LOCKED
),
replaced AS (
  UPDATE movements SET
    customer_id = CASE WHEN movements.customer_id = part.customer_id THEN pseudonym
      ELSE movements.customer_id END,
    actor = CASE WHEN actor = 'customer:' || part.customer_id THEN 'customer:' || pseudonym
      ELSE actor END,
    chain_salt = NULL
  FROM part
  WHERE movements.partition = part.partition AND seq BETWEEN next_seq AND end_seq
    AND (movements.customer_id = part.customer_id OR actor = 'customer:' || part.customer_id)
  RETURNING 1
),
put_away AS (
  SELECT pseudonymize_put_away(partition, next_seq, end_seq, customer_id, pseudonym) AS rows
  FROM part
),
aside AS (
  UPDATE quarantine SET payload = replace(
    replace(
      payload::text, '"customerId":' || to_json(customer_id), '"customerId":' || to_json(pseudonym)
    ),
    '"actor":' || to_json('customer:' || customer_id), '"actor":' || to_json('customer:' || pseudonym)
  )::json,
  chain_salt = NULL
  FROM part
  WHERE quarantine.partition = part.partition AND seq BETWEEN next_seq AND end_seq
    AND strpos(payload::text, to_json(customer_id)::text)
      + strpos(payload::text, to_json('customer:' || customer_id)::text) > 0
  RETURNING 1
),
passed AS (
  UPDATE pseudonymization_parts AS own SET next_seq = end_seq + 1 FROM part
  WHERE own.id = part.id AND own.partition = part.partition
),
counted AS (
  UPDATE pseudonymizations AS asked SET movements = movements
    + (SELECT count(*) FROM replaced) + (SELECT count(*) FROM aside)
    + (SELECT sum(rows) FROM put_away)
  FROM part WHERE asked.id = part.id
)
SELECT count(*)::integer AS parts FROM part
