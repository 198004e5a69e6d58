-- What each level of a product was at an instant, by the first movement after it: what that one
-- found is what was there. A level without a later one is as the snapshot has it.
-- $1 product, $2 partition, $3 instant (ms).
WITH next AS (
  SELECT first_movement_at($2, to_timestamp(($3::bigint + 1) / 1000.0::float8)) AS seq
),
level AS (
  SELECT
    levels.location,
    coalesce(later.on_hand_before, levels.on_hand) AS on_hand,
    coalesce(later.reserved_before, levels.reserved) AS reserved,
    -- Its last movement until then may be among those that were put away.
    coalesce(earlier.seq, opening.seq) AS seq
  FROM next, levels
  LEFT JOIN level_openings AS opening
    ON opening.product_id = levels.product_id AND opening.location = levels.location
  LEFT JOIN LATERAL (
    SELECT on_hand_before, reserved_before FROM movements
    WHERE product_id = levels.product_id AND location = levels.location
      AND movements.seq >= (SELECT seq FROM next)
    ORDER BY movements.seq
    LIMIT 1
  ) AS later ON true
  LEFT JOIN LATERAL (
    SELECT seq FROM movements
    WHERE product_id = levels.product_id AND location = levels.location
      AND movements.seq < (SELECT seq FROM next)
    ORDER BY movements.seq DESC
    LIMIT 1
  ) AS earlier ON true
  WHERE levels.product_id = $1
)
SELECT
  -- False where the movements of that time were put away.
  EXISTS (SELECT FROM movements WHERE partition = $2 AND seq < next.seq) OR EXISTS (
    SELECT FROM partition_openings
    WHERE partition = $2 AND at <= to_timestamp($3::bigint / 1000.0::float8)
  ) AS kept,
  EXISTS (
    SELECT FROM quarantine
    WHERE quarantine.partition = $2 AND settled_at IS NULL AND quarantine.seq >= next.seq
      AND strpos(payload::text, '"productId":"' || $1 || '"') > 0
  ) AS unsure,
  -- Whether the product's attributes, or what the registry says of locations, changed since.
  EXISTS (
    SELECT FROM movements
    WHERE partition = $2 AND seq >= next.seq AND type = 'ATTRIBUTE'
      AND type NOT IN ('RESERVE', 'SALE', 'RELEASE', 'EXPIRE', 'EXTEND')
      AND (product_id = $1 OR product_id IS NULL)
  ) AS amended,
  EXISTS (SELECT FROM levels WHERE product_id = $1) AS known,
  -- A location without a movement until then, and without units, was not one of the product's.
  (
    SELECT coalesce(json_agg(json_build_object(
      'location', location, 'onHand', on_hand, 'reserved', reserved, 'seq', seq
    ) ORDER BY location), '[]'::json)
    FROM level WHERE seq IS NOT NULL OR on_hand > 0 OR reserved > 0
  ) AS levels
FROM next
