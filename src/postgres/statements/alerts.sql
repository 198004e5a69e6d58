-- Newest first. An alert is open until another one says otherwise: of a product's stock the last
-- one counts, a condition has its end, a quarantined movement is settled by an operator, and a
-- gap is behind the ledger once it goes on. What merely tells of an end is not open.
-- $1 kind, $2 product, $3 open; null: any. $4 time (µs), $5 partition, $6 seq and $7 number of the last
-- alert of the page before, null for the first. $8 limit.
SELECT * FROM (
  SELECT
    partition, seq, number, kind, product_id AS "productId", units, detail,
    (extract(epoch FROM at) * 1000)::bigint AS at, (extract(epoch FROM at) * 1000000)::bigint AS us,
    at AS told_at,
    CASE
      WHEN kind IN ('back_in_stock', 'lag_over', 'unfenced', 'drift_over') THEN false
      WHEN kind IN ('low', 'out') THEN NOT EXISTS (
        SELECT FROM alerts AS later
        WHERE later.product_id = alerts.product_id AND later.seq > alerts.seq
          AND later.kind IN ('low', 'out', 'back_in_stock')
      )
      WHEN kind IN ('lag', 'fenced') THEN NOT EXISTS (
        SELECT FROM alerts AS later
        WHERE later.partition = alerts.partition
          AND (later.seq, later.number) > (alerts.seq, alerts.number)
          AND later.kind = CASE alerts.kind WHEN 'lag' THEN 'lag_over' ELSE 'unfenced' END
      )
      WHEN kind = 'drift' THEN NOT EXISTS (
        SELECT FROM alerts AS later
        WHERE later.partition = alerts.partition AND later.kind = 'drift_over'
          AND (later.seq, later.number) > (alerts.seq, alerts.number)
          AND later.product_id IS NOT DISTINCT FROM alerts.product_id
      )
      WHEN kind = 'quarantine' THEN EXISTS (
        SELECT FROM quarantine
        WHERE quarantine.partition = alerts.partition AND quarantine.seq = alerts.seq
          AND settled_at IS NULL
      )
      WHEN kind = 'gap' THEN EXISTS (
        SELECT FROM partitions
        WHERE partitions.partition = alerts.partition AND partitions.cursor_seq = alerts.seq
      )
      ELSE true
    END AS open
  FROM alerts
  WHERE ($1::text IS NULL OR kind = $1) AND ($2::text IS NULL OR product_id = $2)
    -- In whole seconds, for the index: exactly what is behind is chosen below.
    AND ($4::bigint IS NULL OR at < to_timestamp($4::bigint / 1000000 + 1))
) AS told
WHERE ($3::boolean IS NULL OR open = $3)
  AND ($4::bigint IS NULL OR us < $4 OR us = $4 AND (
    partition > $5::integer
    OR partition = $5 AND (seq, number) < ($6::bigint, $7::bigint)
  ))
ORDER BY told_at DESC, partition, seq DESC, number DESC
LIMIT $8
