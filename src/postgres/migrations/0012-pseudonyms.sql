-- Customers whose ids are replaced by a pseudonym in the ledger, step by step. While that lasts
-- `customer_id` says whose; afterwards nothing leads from the pseudonym back to it. `key` is that of
-- the request, known for a day, so that its repeat finds it.
CREATE TABLE pseudonymizations (
  id text COLLATE "C" PRIMARY KEY,
  customer_id text COLLATE "C",
  pseudonym text COLLATE "C" NOT NULL UNIQUE,
  key text COLLATE "C" UNIQUE,
  payload text,
  asked_by text NOT NULL,
  movements bigint NOT NULL DEFAULT 0,
  reservations bigint NOT NULL DEFAULT 0,
  asked_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  CHECK ((customer_id IS NULL) = (finished_at IS NOT NULL))
);
CREATE UNIQUE INDEX pseudonymizations_under_way ON pseudonymizations (customer_id)
  WHERE customer_id IS NOT NULL;

-- How far each is in each partition: movements below `next_seq` are done, what is behind `last_seq`
-- was written after the request.
CREATE TABLE pseudonymization_parts (
  id text COLLATE "C" NOT NULL REFERENCES pseudonymizations,
  partition integer NOT NULL,
  first_seq bigint NOT NULL,
  next_seq bigint NOT NULL,
  last_seq bigint NOT NULL,
  PRIMARY KEY (id, partition)
);
