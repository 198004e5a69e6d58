-- Where the ledger of a partition stands, the epoch that Redis writes, and the last link of the
-- chain, if there is one, and the key of its salts.
SELECT
  epoch, cursor_epoch, cursor_seq, encode(chain, 'hex') AS chain,
  encode(chain_key, 'hex') AS "chainKey"
FROM partitions WHERE partition = $1
