-- Operations that were acknowledged and are lost are an alert, which stands in the ledger with their
-- report. Each process tells what it knew: the alerts of two of them at one seq are two.
ALTER TABLE alerts DROP CONSTRAINT alerts_kind_check;
ALTER TABLE alerts ADD CONSTRAINT alerts_kind_check CHECK (kind IN (
  'low', 'out', 'back_in_stock', 'drift', 'drift_over', 'quarantine', 'gap', 'lag', 'lag_over',
  'fenced', 'unfenced', 'lost'
));
DROP INDEX alerts_once;
CREATE UNIQUE INDEX alerts_once ON alerts (partition, seq, kind, coalesce(product_id, ''))
  WHERE kind NOT IN ('lag', 'lag_over', 'fenced', 'unfenced', 'drift', 'drift_over', 'lost');

-- Of a row that came as CSV, the line that it began at.
ALTER TABLE count_run_errors ADD COLUMN line integer;

-- What a request did by hand, such as the items of a bulk call: they have `#` and a number behind its
-- id. The same types as in movements_by_hand: holds and sales pay nothing for it.
CREATE INDEX movements_of_request ON movements (request_id COLLATE "C")
  WHERE type NOT IN ('RESERVE', 'SALE', 'RELEASE', 'EXPIRE', 'EXTEND');
