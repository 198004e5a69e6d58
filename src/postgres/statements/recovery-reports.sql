-- Newest first. $1 kind, $2 partition: null is any. $3 id of the last report of the page before, null
-- for the first. $4 limit, $5 most operations of each.
SELECT
  report_id AS id, partition, kind, epoch, from_seq AS "from", to_seq AS "to",
  json_array_length(operations) AS "operationCount", facts, reported_by AS "reportedBy",
  coalesce((
    SELECT json_agg(shown.operation ORDER BY shown.place)
    FROM (
      SELECT operation, place
      FROM json_array_elements(operations) WITH ORDINALITY AS told (operation, place)
      ORDER BY place LIMIT $5
    ) AS shown
  ), '[]') AS operations,
  (extract(epoch FROM created_at) * 1000)::bigint AS at
FROM recovery_reports
WHERE ($1::text IS NULL OR kind = $1) AND ($2::integer IS NULL OR partition = $2)
  AND ($3::bigint IS NULL OR report_id < $3)
ORDER BY report_id DESC
LIMIT $4
