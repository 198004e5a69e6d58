-- Operations of a partition that a repeat may still ask for. $1 partition, $2 milliseconds that they
-- are kept.
SELECT key, kept AS text, ($2::bigint - extract(epoch FROM now() - at) * 1000)::bigint AS "livesMs"
FROM operations
WHERE partition = $1 AND at > now() - ($2::bigint - 1000) * interval '1 millisecond'
