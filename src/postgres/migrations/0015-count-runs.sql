-- Counts that come by the ten thousand. `next_chunk` is the first that the present pass has not done;
-- `payload` the hash of the request that has its key; `error` why a run failed, or what it waits for.
CREATE TABLE count_runs (
  id text COLLATE "C" PRIMARY KEY,
  status text NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'rejected', 'failed')),
  pass text NOT NULL CHECK (pass IN ('check', 'apply')),
  error_policy text NOT NULL CHECK (error_policy IN ('reject_all', 'reject_failed')),
  committed boolean NOT NULL,
  reference text,
  payload text NOT NULL,
  asked_by text NOT NULL,
  asked_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  rows integer NOT NULL CHECK (rows > 0),
  done integer NOT NULL DEFAULT 0,
  succeeded integer NOT NULL DEFAULT 0,
  differing integer NOT NULL DEFAULT 0,
  next_chunk integer NOT NULL DEFAULT 0,
  tries integer NOT NULL DEFAULT 0,
  error text
);
CREATE INDEX count_runs_open ON count_runs (asked_at) WHERE status IN ('queued', 'running');

-- What is still to be done; a run that has ended needs it no more. `rows` is JSON.
CREATE TABLE count_run_chunks (
  run_id text COLLATE "C" NOT NULL REFERENCES count_runs ON DELETE CASCADE,
  number integer NOT NULL,
  rows text NOT NULL,
  PRIMARY KEY (run_id, number)
);

CREATE TABLE count_run_errors (
  run_id text COLLATE "C" NOT NULL REFERENCES count_runs ON DELETE CASCADE,
  row integer NOT NULL,
  product_id text,
  location text,
  code text NOT NULL,
  message text NOT NULL,
  PRIMARY KEY (run_id, row)
);
