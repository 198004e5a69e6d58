-- A run that is stopped or whose worker dies is begun anew: which attempt writes, and what those before it
-- had mended already. Rows go when the run ends; its report has them then.
ALTER TABLE reconcile_runs ADD COLUMN attempt integer NOT NULL DEFAULT 0;

CREATE TABLE reconcile_mended (
  run_id text COLLATE "C" NOT NULL REFERENCES reconcile_runs (id) ON DELETE CASCADE,
  -- Hash of what names a difference.
  name text COLLATE "C" NOT NULL,
  -- null: beyond those that a report names.
  difference jsonb,
  PRIMARY KEY (run_id, name)
);

CREATE INDEX reconcile_runs_open ON reconcile_runs (asked_at) WHERE status IN ('queued', 'running');
