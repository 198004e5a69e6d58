-- What the chain says of pseudonyms behind the links of a partition between two seqs, in its order.
-- $1 partition, $2 first and $3 last seq.
SELECT
  after_seq AS "afterSeq", number, pseudonym, array_to_string(seqs, ',') AS seqs,
  encode(chain, 'hex') AS chain
FROM chain_pseudonyms WHERE partition = $1 AND after_seq BETWEEN $2 AND $3
ORDER BY after_seq, number
