-- $1 partition.
SELECT count(*)::integer AS unsettled FROM quarantine WHERE partition = $1 AND settled_at IS NULL
