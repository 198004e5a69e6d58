-- Of each partition the lowest movement that is set aside and not settled (null: none), and whether
-- its drain stopped before a gap: the last alert of one is of where the cursor still stands.
SELECT
  partition,
  (
    SELECT min(seq) FROM quarantine
    WHERE quarantine.partition = partitions.partition AND settled_at IS NULL
  ) AS "setAside",
  EXISTS (
    SELECT FROM alerts
    WHERE alerts.partition = partitions.partition AND kind = 'gap' AND alerts.seq = cursor_seq
  ) AS "isStopped"
FROM partitions
