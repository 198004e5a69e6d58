-- What the ledger has of a partition between two seqs, in their order: movements, and the payloads
-- of those that were set aside. `pseudonymous`: whoever it names bears a pseudonym that we gave.
-- $1 partition, $2 first and $3 last seq.
SELECT * FROM (
  SELECT
    partition, seq, epoch, type, product_id AS "productId", location,
    on_hand_before AS "onHandBefore", on_hand_after AS "onHandAfter",
    reserved_before AS "reservedBefore", reserved_after AS "reservedAfter",
    reservation_id AS "reservationId", order_id AS "orderId", customer_id AS "customerId",
    actor, reason, reference, request_id AS "requestId",
    (extract(epoch FROM at) * 1000)::float8 AS at,
    encode(chain, 'hex') AS chain, encode(chain_commitment, 'hex') AS commitment,
    encode(chain_salt, 'hex') AS salt, NULL AS payload,
    chain_commitment IS NOT NULL AND chain_salt IS NULL AND EXISTS (
      SELECT FROM pseudonymizations
      WHERE pseudonym IN (movements.customer_id, substr(actor, length('customer:') + 1))
    ) AS pseudonymous
  FROM movements WHERE partition = $1 AND seq BETWEEN $2 AND $3
  UNION ALL
  SELECT
    partition, seq, epoch, '', NULL, '', 0, 0, 0, 0, NULL, NULL, NULL, '', NULL, NULL, NULL, 0,
    encode(chain, 'hex'), encode(chain_commitment, 'hex'), encode(chain_salt, 'hex'), payload::text,
    chain_commitment IS NOT NULL AND chain_salt IS NULL AND EXISTS (
      SELECT FROM pseudonymizations WHERE strpos(quarantine.payload::text, pseudonym) > 0
    )
  FROM quarantine WHERE partition = $1 AND seq BETWEEN $2 AND $3
) AS kept
ORDER BY seq, payload IS NULL
