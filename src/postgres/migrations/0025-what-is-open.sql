-- What is set aside and not settled is asked for often, and what is settled stays for ever.
CREATE INDEX quarantine_open ON quarantine (partition, seq) WHERE settled_at IS NULL;
CREATE INDEX quarantine_operations ON quarantine (created_at) WHERE operations IS NOT NULL;
