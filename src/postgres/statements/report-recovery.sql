-- $1 partition, $2 kind, $3 epoch, $4 $5 movements that are missing, $6 operations, $7 facts, $8 who
-- reports: once of each epoch. What is lost is an alert as well, with $9 for a detail.
WITH report AS (
  INSERT INTO recovery_reports (
    partition, kind, epoch, from_seq, to_seq, operations, facts, reported_by
  )
  VALUES ($1, $2, $3, $4, $5, $6::text::json, $7::text::json, $8)
  ON CONFLICT (partition, epoch, kind, reported_by) DO NOTHING
  RETURNING partition, kind, json_array_length(operations) AS units
)
SELECT raise_alert(partition, kind, NULL, NULL, NULL, units, $9) AS raised FROM report
WHERE kind = 'lost'
