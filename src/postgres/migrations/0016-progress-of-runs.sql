-- When a comparison was last heard of: one whose worker died stands still.
ALTER TABLE reconcile_runs ADD COLUMN progressed_at timestamptz;
