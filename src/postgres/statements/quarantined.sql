SELECT count(*)::integer AS quarantined FROM quarantine WHERE settled_at IS NULL
