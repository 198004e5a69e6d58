-- Where the ledger of a partition stands, and the epoch that Redis writes.
SELECT epoch, cursor_epoch, cursor_seq FROM partitions WHERE partition = $1
