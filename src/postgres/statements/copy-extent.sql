-- How much a rebuild of the partition would write. $1 partition.
SELECT
  cursor_epoch AS epoch, cursor_seq AS seq,
  (
    SELECT coalesce(max(epochs.epoch), 0) FROM epochs WHERE epochs.partition = $1
  ) AS "lastEpoch",
  (SELECT count(*)::integer FROM products WHERE products.partition = $1) AS products,
  (
    SELECT count(*)::integer FROM reservations
    WHERE reservations.partition = $1 AND status = 'ACTIVE'
  ) AS "liveHolds"
FROM partitions WHERE partitions.partition = $1
