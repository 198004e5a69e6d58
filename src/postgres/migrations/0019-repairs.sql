-- The salts of a chain's commitments follow from the key of their partition, so that a movement that
-- was lost and comes back from the journal has the link that it had. Each request to forget a customer
-- replaces the keys: what was written before is then without anything that leads to its salt.
ALTER TABLE partitions ADD COLUMN chain_key bytea NOT NULL DEFAULT
  decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex');

-- An alert of drift ends, as other conditions do: with a comparison that does not find it any more.
ALTER TABLE alerts DROP CONSTRAINT alerts_kind_check, ADD CONSTRAINT alerts_kind_check CHECK (kind IN (
  'low', 'out', 'back_in_stock', 'drift', 'drift_over', 'quarantine', 'gap', 'lag', 'lag_over',
  'fenced', 'unfenced'
));
DROP INDEX alerts_of_conditions;
CREATE INDEX alerts_of_conditions ON alerts (partition, kind, seq DESC, number DESC)
  WHERE kind IN ('lag', 'lag_over', 'fenced', 'unfenced', 'drift', 'drift_over');
-- It may begin again where it ended, with no movement in between, as they may.
DROP INDEX alerts_once;
CREATE UNIQUE INDEX alerts_once ON alerts (partition, seq, kind, coalesce(product_id, ''))
  WHERE kind NOT IN ('lag', 'lag_over', 'fenced', 'unfenced', 'drift', 'drift_over');
