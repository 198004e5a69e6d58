-- Of each partition how many products (null counts as one) a comparison found other than their
-- movements and left so, by the last that was told of each; and how many reports of what is lost it has.
SELECT
  partition,
  (
    SELECT count(*)::integer FROM (
      SELECT DISTINCT ON (product_id) kind FROM alerts
      WHERE alerts.partition = partitions.partition AND kind IN ('drift', 'drift_over')
      ORDER BY product_id, seq DESC, number DESC
    ) AS last_told
    WHERE kind = 'drift'
  ) AS "openDifferences",
  (
    SELECT count(*)::integer FROM recovery_reports
    WHERE recovery_reports.partition = partitions.partition AND kind = 'lost'
  ) AS "lossReports"
FROM partitions
