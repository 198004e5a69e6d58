-- Where each partition's feed ends, and the kinds of alerts behind a place.
-- $1 $2 $3 places: partition, seq, number; none: no alert is looked for.
SELECT
  partitions.partition, cursor_seq AS seq, raised AS number,
  coalesce((
    SELECT string_agg(DISTINCT kind, ',') FROM alerts
    WHERE alerts.partition = partitions.partition
      AND (alerts.seq, alerts.number) > (known.seq, known.number)
  ), '') AS kinds
FROM partitions
LEFT JOIN unnest($1::integer[], $2::bigint[], $3::bigint[]) AS known (partition, seq, number)
  ON known.partition = partitions.partition
ORDER BY partitions.partition
