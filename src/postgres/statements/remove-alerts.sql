-- Of the next $3 alerts behind $1 time (null: from the first) that are older than $2 milliseconds,
-- removes those that have ended; `last` tells how far that is. Of a product's stock and of a condition
-- the last word stays: it says what is so now. What stands where the ledger stands stays too, so that
-- nobody who follows has missed one of these but who is behind `alerts_from`.
WITH page AS (
  SELECT ctid, partition, seq, number, kind, product_id, at FROM alerts
  WHERE at > coalesce($1::text::timestamptz, '-infinity')
    AND at < now() - $2::bigint * interval '1 millisecond'
  ORDER BY at FETCH FIRST ($3::bigint) ROWS WITH TIES
),
removed AS (
  DELETE FROM alerts WHERE ctid = ANY (ARRAY(
    SELECT page.ctid FROM page JOIN partitions USING (partition)
    WHERE page.seq < cursor_seq AND CASE
      WHEN kind IN ('low', 'out', 'back_in_stock') THEN EXISTS (
        SELECT FROM alerts AS later
        WHERE later.product_id = page.product_id AND later.seq > page.seq
          AND later.kind IN ('low', 'out', 'back_in_stock')
      )
      WHEN kind IN ('lag', 'lag_over') THEN EXISTS (
        SELECT FROM alerts AS later
        WHERE later.partition = page.partition AND later.kind IN ('lag', 'lag_over')
          AND (later.seq, later.number) > (page.seq, page.number)
      )
      WHEN kind IN ('fenced', 'unfenced') THEN EXISTS (
        SELECT FROM alerts AS later
        WHERE later.partition = page.partition AND later.kind IN ('fenced', 'unfenced')
          AND (later.seq, later.number) > (page.seq, page.number)
      )
      WHEN kind IN ('drift', 'drift_over') THEN EXISTS (
        SELECT FROM alerts AS later
        WHERE later.partition = page.partition AND later.kind IN ('drift', 'drift_over')
          AND (later.seq, later.number) > (page.seq, page.number)
          AND later.product_id IS NOT DISTINCT FROM page.product_id
      )
      WHEN kind = 'quarantine' THEN NOT EXISTS (
        SELECT FROM quarantine
        WHERE quarantine.partition = page.partition AND quarantine.seq = page.seq
          AND settled_at IS NULL
      )
      ELSE kind = 'gap'
    END
  ))
  RETURNING partition, seq
),
marked AS (
  UPDATE partitions SET alerts_from = greatest(alerts_from, gone.seq + 1)
  FROM (SELECT partition, max(seq) AS seq FROM removed GROUP BY partition) AS gone
  WHERE partitions.partition = gone.partition
)
SELECT max(at)::text AS last, count(*)::integer AS looked FROM page
