-- What a chain of hashes says of pseudonyms: behind the link of `after_seq` (and what stands behind it
-- already, in order of `number`) comes a link over a pseudonym and the movements that bear it since.
-- A row whose salt is gone names that one, or somebody changed it.
CREATE TABLE chain_pseudonyms (
  partition integer NOT NULL,
  after_seq bigint NOT NULL,
  number integer NOT NULL,
  pseudonym text COLLATE "C" NOT NULL,
  seqs bigint[] NOT NULL CHECK (cardinality(seqs) > 0),
  chain bytea NOT NULL,
  PRIMARY KEY (partition, after_seq, number)
);

-- Writes such a link at the end of the newest chain that has a movement; without one nothing is linked.
-- Who appends waits for it, and then finds that the chain stands elsewhere.
CREATE FUNCTION chain_pseudonym(of_partition integer, given text, of_seqs bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  here record;
  newest record;
  link bytea;
BEGIN
  IF cardinality(of_seqs) = 0 THEN
    RETURN;
  END IF;
  SELECT chain, cursor_seq INTO here FROM partitions WHERE partition = of_partition FOR UPDATE;
  SELECT first_seq, last_seq, coalesce(last_seq, here.cursor_seq) AS end_seq,
    coalesce(last_chain, here.chain) AS end_chain
  INTO newest FROM chains
  WHERE partition = of_partition AND coalesce(last_seq, here.cursor_seq) >= first_seq
  ORDER BY first_seq DESC LIMIT 1;
  IF newest.end_chain IS NULL THEN
    RETURN;
  END IF;
  link := sha256(convert_to(
    concat_ws(' ', encode(newest.end_chain, 'hex'), array_to_string(of_seqs, ','), given), 'UTF8'
  ));
  INSERT INTO chain_pseudonyms (partition, after_seq, number, pseudonym, seqs, chain)
  SELECT of_partition, newest.end_seq, count(*) + 1, given, of_seqs, link
  FROM chain_pseudonyms WHERE partition = of_partition AND after_seq = newest.end_seq;
  IF newest.last_seq IS NULL THEN
    UPDATE partitions SET chain = link WHERE partition = of_partition;
  ELSE
    UPDATE chains SET last_chain = link
    WHERE partition = of_partition AND first_seq = newest.first_seq;
  END IF;
END $$;

-- Those that were given until now.
SELECT chain_pseudonym(partition, pseudonym, array_agg(seq ORDER BY seq))
FROM (
  SELECT partition, seq, pseudonym FROM movements JOIN pseudonymizations
    ON pseudonym = coalesce(movements.customer_id, substr(actor, length('customer:') + 1))
  WHERE chain_commitment IS NOT NULL AND chain_salt IS NULL
  UNION
  SELECT partition, seq, pseudonym FROM quarantine JOIN pseudonymizations
    ON strpos(quarantine.payload::text, to_json(pseudonym)::text) > 0
    OR strpos(quarantine.payload::text, to_json('customer:' || pseudonym)::text) > 0
  WHERE chain_commitment IS NOT NULL AND chain_salt IS NULL
) AS given
GROUP BY partition, pseudonym;
