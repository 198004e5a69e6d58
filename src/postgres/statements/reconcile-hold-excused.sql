-- Whether the ledger may lack a movement of a hold: one of it is in quarantine, whatever became of it,
-- or one was lost at a product of its, and a DRIFT was written in its place. $1 partition, $2 hold,
-- $3 its products, $4 when it was made (ms), $5 seq of its last movement. What stands in the place of its
-- first ones has the time of what was before: a cart begins with a hundred at most.
SELECT EXISTS (
  SELECT FROM quarantine WHERE partition = $1 AND strpos(payload::text, $2) > 0
) OR EXISTS (
  SELECT FROM movements
  WHERE partition = $1 AND product_id = ANY ($3::text[]) AND seq <= $5
    AND seq >= first_movement_at($1, to_timestamp($4::bigint / 1000.0::float8)) - 100
    AND type = 'DRIFT' AND type NOT IN ('RESERVE', 'SALE', 'RELEASE', 'EXPIRE', 'EXTEND')
) AS "mayBe"
