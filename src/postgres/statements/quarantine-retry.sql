-- Settles a movement that was set aside, for batch-rows.sql writes it in the same statement; no row when
-- somebody settled it, or changed its payload, since it was read.
-- $71 partition, $72 seq, $73 payload as it was read.
UPDATE quarantine SET settled_at = now(), operations = NULL
FROM partitions
WHERE quarantine.partition = $71 AND seq = $72::bigint AND payload::text = $73::text
  AND settled_at IS NULL AND partitions.partition = quarantine.partition AND cursor_seq >= seq
RETURNING
  quarantine.partition, quarantine.epoch, seq - 1 AS seq_before, created_at AS kept_at, chain_key
