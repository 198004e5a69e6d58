-- Runs of counts; which of them is filled in.
SELECT
  id, status, pass, error_policy AS "errorPolicy", committed AS commit, reference,
  asked_by AS "askedBy", (extract(epoch FROM asked_at) * 1000)::bigint AS "askedAt",
  (extract(epoch FROM started_at) * 1000)::bigint AS "startedAt",
  (extract(epoch FROM finished_at) * 1000)::bigint AS "finishedAt", rows, done, succeeded,
  differing, next_chunk AS "nextChunk", tries, error,
  (extract(epoch FROM asked_at) * 1000000)::bigint AS place
FROM count_runs
/* which */
