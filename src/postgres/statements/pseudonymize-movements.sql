-- Replaces a customer's id in the next movements of one partition, and in those of them that were
-- set aside; the chain of hashes says which they were. $1 movements to look at. Another worker's part is
-- passed over.
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
  RETURNING seq, chain_commitment
),
put_away AS (
  SELECT pseudonymize_put_away(partition, next_seq, end_seq, customer_id, pseudonym) AS rows
  FROM part
),
-- What bears the same text elsewhere, such as an order's id, is somebody else's.
texts AS (
  SELECT
    own.partition, seq, payload::text AS before,
    replace(
      replace(
        payload::text, '"customerId":' || to_json(customer_id), '"customerId":' || to_json(pseudonym)
      ),
      '"actor":' || to_json('customer:' || customer_id), '"actor":' || to_json('customer:' || pseudonym)
    ) AS after
  FROM part JOIN quarantine AS own USING (partition) WHERE seq BETWEEN next_seq AND end_seq
),
aside AS (
  UPDATE quarantine AS own SET payload = after::json, chain_salt = NULL
  FROM texts
  WHERE own.partition = texts.partition AND own.seq = texts.seq AND after <> before
  RETURNING own.seq, chain_commitment
),
chained AS (
  SELECT chain_pseudonym(partition, pseudonym, ARRAY(
    SELECT seq FROM (SELECT * FROM replaced UNION SELECT * FROM aside) AS linked
    WHERE chain_commitment IS NOT NULL ORDER BY seq
  )) FROM part
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
SELECT count(*)::integer AS parts FROM chained
