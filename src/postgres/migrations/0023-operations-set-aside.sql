-- What repeats under the keys of a movement that was set aside hear, for as long as repeats may ask:
-- beside its payload, which the chain links as it is, for they name customers in texts of their own.
ALTER TABLE quarantine ADD COLUMN operations json;
