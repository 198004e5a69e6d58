-- Runs, with what they have found; `report` and which runs is filled in.
SELECT
  id, status, mode, scope, asked_by AS "askedBy",
  (extract(epoch FROM asked_at) * 1000)::bigint AS "askedAt",
  (extract(epoch FROM started_at) * 1000)::bigint AS "startedAt",
  (extract(epoch FROM finished_at) * 1000)::bigint AS "finishedAt", progress,
  /* report */ AS report, error,
  (extract(epoch FROM asked_at) * 1000000)::bigint AS place
FROM reconcile_runs
/* which */
