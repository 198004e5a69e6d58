-- Notes an epoch that began. $1 partition, $2 epoch, $3 last seq of the epoch before, $4 run id.
INSERT INTO epochs (partition, epoch, began_at_seq, run_id) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
