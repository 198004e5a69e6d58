-- Settles a movement that was set aside, and leaves it out of the ledger. $1 partition, $2 seq.
UPDATE quarantine SET settled_at = now(), operations = NULL
WHERE partition = $1 AND seq = $2 AND settled_at IS NULL
RETURNING seq
