-- What has ended is removed after a while. `alerts_from`: of alerts below that seq some are gone.
ALTER TABLE partitions ADD COLUMN alerts_from bigint NOT NULL DEFAULT 0;
-- For lists of runs, and for what is removed by its age; the others have such an index.
CREATE INDEX count_runs_newest ON count_runs (asked_at, id);
CREATE INDEX incoming_receipts_ended ON incoming_receipts (claimed_at) WHERE state <> 'claimed';
