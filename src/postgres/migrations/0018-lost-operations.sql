-- Operations that were acknowledged and are lost are an alert, which stands in the ledger with their
-- report. Each process tells what it knew: the alerts of two of them at one seq are two.
ALTER TABLE alerts DROP CONSTRAINT alerts_kind_check;
ALTER TABLE alerts ADD CONSTRAINT alerts_kind_check CHECK (kind IN (
  'low', 'out', 'back_in_stock', 'drift', 'quarantine', 'gap', 'lag', 'lag_over', 'fenced',
  'unfenced', 'lost'
));
DROP INDEX alerts_once;
CREATE UNIQUE INDEX alerts_once ON alerts (partition, seq, kind, coalesce(product_id, ''))
  WHERE kind NOT IN ('lag', 'lag_over', 'fenced', 'unfenced', 'lost');
