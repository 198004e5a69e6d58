-- $1 partition, $2 kind, $3 epoch, $4 $5 movements that are missing, $6 operations, $7 facts, $8 who
-- reports: once of each epoch.
INSERT INTO recovery_reports (
  partition, kind, epoch, from_seq, to_seq, operations, facts, reported_by
)
VALUES ($1, $2, $3, $4, $5, $6::text::json, $7::text::json, $8)
ON CONFLICT (partition, epoch, kind, reported_by) DO NOTHING
