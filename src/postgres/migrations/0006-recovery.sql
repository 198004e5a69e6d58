-- What was rebuilt from the ledger, and what was acknowledged and could not be saved. `epoch` is the
-- one that began (rebuilt), or the one in which the operations were acknowledged (lost).
CREATE TABLE recovery_reports (
  report_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  partition integer NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('rebuilt', 'lost')),
  epoch bigint NOT NULL,
  from_seq bigint,
  to_seq bigint,
  operations json NOT NULL,
  facts json NOT NULL,
  reported_by text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((from_seq IS NULL) = (to_seq IS NULL))
);
-- Each process tells once of an epoch, be it that its first try arrived unheard.
CREATE UNIQUE INDEX recovery_reports_once
  ON recovery_reports (partition, epoch, kind, reported_by);

-- Which Redis servers are in use, as the processes that use them say again and again. A rebuild
-- waits while another server than its own is among them.
CREATE TABLE servers_in_use (
  partition integer NOT NULL,
  run_id text COLLATE "C" NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (partition, run_id)
);

-- What Redis keeps under the keys of operations for a day, so that a repeat is known after a
-- rebuild too. Rows that are older are removed from time to time.
CREATE TABLE operations (
  partition integer NOT NULL,
  key text COLLATE "C" NOT NULL,
  kept text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (partition, key)
);
CREATE INDEX operations_oldest ON operations (at);
