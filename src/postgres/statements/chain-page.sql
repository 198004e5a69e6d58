-- What the ledger has of a partition between two seqs, in their order: movements, and the payloads
-- of those that were set aside. `pseudonym`: which it bears, as the chain says; the first one counts.
-- $1 partition, $2 first and $3 last seq.
WITH given AS (
  SELECT DISTINCT ON (seq) seq, pseudonym
  FROM chain_pseudonyms CROSS JOIN unnest(seqs) AS seq
  WHERE partition = $1 AND seqs[1] <= $3 AND seqs[cardinality(seqs)] >= $2
    AND after_seq >= $2 AND seq BETWEEN $2 AND least($3, after_seq)
  ORDER BY seq, after_seq, number
)
SELECT kept.*, pseudonym FROM (
  SELECT
    partition, seq, epoch, type, product_id AS "productId", location,
    on_hand_before AS "onHandBefore", on_hand_after AS "onHandAfter",
    reserved_before AS "reservedBefore", reserved_after AS "reservedAfter",
    reservation_id AS "reservationId", order_id AS "orderId", customer_id AS "customerId",
    actor, reason, reference, request_id AS "requestId",
    (extract(epoch FROM at) * 1000)::float8 AS at,
    encode(chain, 'hex') AS chain, encode(chain_commitment, 'hex') AS commitment,
    encode(chain_salt, 'hex') AS salt, NULL AS payload
  FROM movements WHERE partition = $1 AND seq BETWEEN $2 AND $3
  UNION ALL
  SELECT
    partition, seq, epoch, '', NULL, '', 0, 0, 0, 0, NULL, NULL, NULL, '', NULL, NULL, NULL, 0,
    encode(chain, 'hex'), encode(chain_commitment, 'hex'), encode(chain_salt, 'hex'), payload::text
  FROM quarantine WHERE partition = $1 AND seq BETWEEN $2 AND $3
) AS kept LEFT JOIN given USING (seq)
ORDER BY seq, payload IS NULL
