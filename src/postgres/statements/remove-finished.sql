-- Removes what is finished and older than $1 milliseconds, at most $2 rows of each table: comparisons,
-- runs of counts (once their errors are gone), receipts, reports of rebuilds, and how far
-- pseudonymizations were. `most`: of one table. By ctid: no table is read as a whole for it.
WITH comparisons AS (
  DELETE FROM reconcile_runs WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM reconcile_runs
    WHERE asked_at < now() - $1::bigint * interval '1 millisecond'
      AND finished_at < now() - $1::bigint * interval '1 millisecond'
    ORDER BY asked_at LIMIT $2
  ))
  RETURNING 1
),
errors AS (
  DELETE FROM count_run_errors WHERE ctid = ANY (ARRAY(
    SELECT own.ctid FROM count_runs AS run
    CROSS JOIN LATERAL (
      SELECT ctid FROM count_run_errors WHERE run_id = run.id LIMIT $2
    ) AS own
    WHERE asked_at < now() - $1::bigint * interval '1 millisecond'
      AND finished_at < now() - $1::bigint * interval '1 millisecond'
    LIMIT $2
  ))
  RETURNING 1
),
counts AS (
  DELETE FROM count_runs WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM count_runs
    WHERE asked_at < now() - $1::bigint * interval '1 millisecond'
      AND finished_at < now() - $1::bigint * interval '1 millisecond'
      AND NOT EXISTS (SELECT FROM count_run_errors WHERE run_id = id)
    ORDER BY asked_at LIMIT $2
  ))
  RETURNING 1
),
-- One that a repeat claims again in this moment stays.
receipts AS (
  DELETE FROM incoming_receipts WHERE state IN ('done', 'refused') AND ctid = ANY (ARRAY(
    SELECT ctid FROM incoming_receipts
    WHERE state IN ('done', 'refused') AND claimed_at < now() - $1::bigint * interval '1 millisecond'
    ORDER BY claimed_at LIMIT $2
  ))
  RETURNING 1
),
-- A row for a rebuild and a process, so few that none has an index by time.
reports AS (
  DELETE FROM recovery_reports WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM recovery_reports
    WHERE created_at < now() - $1::bigint * interval '1 millisecond' LIMIT $2
  ))
  RETURNING 1
),
-- The request itself stays: it is the record that somebody was forgotten, and when.
parts AS (
  DELETE FROM pseudonymization_parts WHERE ctid = ANY (ARRAY(
    SELECT part.ctid FROM pseudonymization_parts AS part JOIN pseudonymizations USING (id)
    WHERE finished_at < now() - $1::bigint * interval '1 millisecond' LIMIT $2
  ))
  RETURNING 1
)
SELECT greatest(
  (SELECT count(*) FROM comparisons), (SELECT count(*) FROM errors), (SELECT count(*) FROM counts),
  (SELECT count(*) FROM receipts), (SELECT count(*) FROM reports), (SELECT count(*) FROM parts)
)::integer AS most
