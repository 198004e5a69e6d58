-- A chain of hashes over each partition's movements, for who switches it on: every row has its link,
-- a hash of the link before it and of what the row says. What is of a person (customer, and actors that
-- are customers) is in it by `chain_commitment` alone, a hash of that and of `chain_salt`: where the
-- id is replaced and the salt gone, the link still fits, and nobody can try ids against the hash.
ALTER TABLE movements
  ADD COLUMN chain bytea, ADD COLUMN chain_commitment bytea, ADD COLUMN chain_salt bytea;
ALTER TABLE quarantine
  ADD COLUMN chain bytea, ADD COLUMN chain_commitment bytea, ADD COLUMN chain_salt bytea;
-- The link of the last movement; null while there is no chain.
ALTER TABLE partitions ADD COLUMN chain bytea;

-- From where to where there is one. `last_seq` and `last_chain` are null while it goes on.
CREATE TABLE chains (
  partition integer NOT NULL,
  first_seq bigint NOT NULL,
  last_seq bigint,
  last_chain bytea,
  began_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  PRIMARY KEY (partition, first_seq),
  CHECK ((last_seq IS NULL) = (last_chain IS NULL) AND (last_seq IS NULL) = (ended_at IS NULL))
);
