-- Units under limits that each customer has: what it holds, and what it bought less what came back; and of
-- limits that bound live holds, how many it has. Counted are holds and sales since a limit counts, and of one
-- with a window those of the window in which the last movement was: nothing was begun behind it. Of a hold that
-- the ledger has forgotten, the sale says when. A return in nobody's name is that of the order's one customer until then. It
-- gives back what counted of the order before it and no more, so that sales and returns are walked in their
-- order: what is left is their sum, less the lowest that it came to below none.
-- Of a campaign's own limit what was held and sold at its ring-fence counts, until it is over.
-- Records as lua/lib/limit-record.lua and lua/lib/campaign-record.lua have them. Twin: order-sales.sql.
-- $1 partition, $2 products whose own limit is asked for, $3 ids of limits with a name, and rules of campaigns;
-- null: all.
WITH last AS (
  SELECT coalesce((extract(epoch FROM max(at)) * 1000)::bigint, 0) AS at FROM movements
  WHERE movements.partition = $1
    AND seq > (SELECT cursor_seq FROM partitions WHERE partitions.partition = $1) - 1000
),
named AS MATERIALIZED (
  SELECT
    id, split_part(text, E'\t', 2)::bigint AS since, split_part(text, E'\t', 5)::bigint * 3600000 AS ms,
    split_part(text, E'\t', 6) = 'held' AS is_of_held, split_part(text, E'\t', 7) <> '' AS has_holds,
    split_part(text, E'\t', 10) AS products
  FROM records
  WHERE partition = $1 AND kind = 'limit' AND text IS NOT NULL
    -- One that cannot be read counts nothing, and keeps nobody from rebuilding the rest.
    AND text ~ E'^1\\t[0-9]+\\t[0-9]+\\t[0-9]+\\t[0-9]+\\t(taken|held)\\t[0-9]*\\t[0-9]+\\t[0-9]+\\t[^\\t]+$'
    AND ($3::text[] IS NULL OR id = ANY ($3))
),
fences AS MATERIALIZED (
  SELECT
    'campaign:' || id || ':' || split_part(line, '=', 1) AS rule,
    split_part(text, E'\t', 5)::bigint AS ends, split_part(text, E'\t', 13)::bigint AS since,
    split_part(line, '=', 1) AS product_id, split_part(text, E'\t', 3) || '~' || id AS location
  FROM records, last, unnest(string_to_array(split_part(text, E'\t', 11), ',')) AS line
  WHERE partition = $1 AND kind = 'campaign' AND text IS NOT NULL
    AND text ~ E'^2\\t[a-z]+\\t[^\\t]+\\t[0-9]+\\t[0-9]+\\t[0-9]+\\t0\\t[0-9]+\\t[0-9]+\\t[^\\t]+\\t[^\\t]+\\t[0-9]+\\t[0-9]+$'
    AND split_part(text, E'\t', 5)::bigint > last.at
),
rules AS (
  SELECT
    'product:' || product_id AS rule, 'always' AS span, NULL::bigint AS ends,
    coalesce(limit_since, created_at) AS since, false AS is_of_held, false AS has_holds,
    product_id AS products, NULL::text AS location
  FROM products WHERE partition = $1 AND max_per_customer IS NOT NULL
    AND ($2::text[] IS NULL OR product_id = ANY ($2))
  UNION ALL
  SELECT
    id, CASE ms WHEN 0 THEN 'always' ELSE (last.at / ms)::text END,
    (last.at / nullif(ms, 0) + 1) * ms,
    to_timestamp(greatest(named.since, coalesce(last.at / nullif(ms, 0) * ms, 0)) / 1000.0),
    is_of_held, has_holds, named.products, NULL
  FROM named, last
  UNION ALL
  SELECT
    rule, 'always', ends, to_timestamp(since / 1000.0), false, false, product_id, location
  FROM fences WHERE $3::text[] IS NULL OR rule = ANY ($3)
),
members AS (
  SELECT rules.*, unnest(string_to_array(products, ',')) AS product_id FROM rules WHERE products <> '*'
),
lines AS (
  SELECT
    owner, customer_id, created_at, allocation ->> 'productId' AS product_id,
    allocation ->> 'location' AS place,
    (allocation ->> 'held')::bigint AS units
  FROM reservations, jsonb_array_elements(allocations) AS allocation
  WHERE partition = $1 AND status = 'ACTIVE' AND customer_id IS NOT NULL
    AND (allocation ->> 'held')::bigint > 0 AND EXISTS (SELECT FROM rules)
),
held AS (
  SELECT rule, customer_id, sum(units) AS units,
    CASE WHEN bool_or(has_holds) THEN count(DISTINCT owner) ELSE 0 END AS holds
  FROM (
    SELECT rule, has_holds, owner, customer_id, units
    FROM members JOIN lines USING (product_id)
    WHERE created_at >= since AND coalesce(location = place, true)
    UNION ALL
    SELECT rule, has_holds, owner, customer_id, units
    FROM rules, lines WHERE products = '*' AND created_at >= since
  ) AS under
  GROUP BY rule, customer_id
),
moves AS (
  SELECT
    movements.product_id, movements.order_id, movements.customer_id, movements.seq,
    movements.location AS place,
    CASE type WHEN 'SALE' THEN on_hand_before - on_hand_after ELSE 0 END AS sold,
    CASE type WHEN 'RETURN' THEN on_hand_after - on_hand_before ELSE 0 END AS returned,
    coalesce(hold.created_at, at) AS began
  FROM movements
  LEFT JOIN reservations AS hold
    ON hold.owner = split_part(movements.reservation_id, '-', 2)::uuid
    AND hold.generation = split_part(movements.reservation_id, '-', 3)
    AND hold.partition = movements.partition
  WHERE movements.partition = $1 AND type IN ('SALE', 'RETURN')
    AND (
      EXISTS (SELECT FROM rules WHERE products = '*' AND NOT is_of_held)
      OR movements.product_id IN (SELECT product_id FROM members WHERE NOT is_of_held)
    )
  UNION ALL
  SELECT
    product_id, order_id, customer_id, 0, '', sold, returned,
    (SELECT at FROM partition_openings WHERE partition_openings.partition = $1)
  FROM order_openings
  WHERE EXISTS (SELECT FROM rules WHERE products = '*' AND NOT is_of_held)
    OR product_id IN (SELECT product_id FROM members WHERE NOT is_of_held)
),
named_moves AS (
  SELECT
    moves.*,
    min(customer_id) FILTER (WHERE sold > 0) OVER earlier AS first_buyer,
    max(customer_id) FILTER (WHERE sold > 0) OVER earlier AS last_buyer
  FROM moves
  WINDOW earlier AS (PARTITION BY product_id, order_id ORDER BY seq)
),
whose AS (
  SELECT
    product_id, order_id, seq, place, sold, returned, began,
    CASE
      WHEN sold > 0 OR customer_id IS NOT NULL THEN customer_id
      WHEN order_id IS NOT NULL AND first_buyer = last_buyer THEN first_buyer
    END AS customer_id
  FROM named_moves
),
steps AS (
  SELECT rule, product_id, order_id, customer_id, seq,
    CASE WHEN began >= since AND coalesce(location = place, true) THEN sold ELSE 0 END
      - returned AS step
  FROM (
    SELECT members.rule, members.since, members.location, whose.*
    FROM members JOIN whose USING (product_id) WHERE NOT is_of_held
    UNION ALL
    SELECT rules.rule, rules.since, rules.location, whose.*
    FROM rules, whose WHERE products = '*' AND NOT is_of_held
  ) AS under
  -- Who was forgotten has no count any more, in Redis neither: nobody buys under a pseudonym.
  WHERE customer_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM pseudonymizations WHERE pseudonym = under.customer_id)
),
walked AS (
  SELECT
    rule, product_id, order_id, customer_id, step,
    sum(step) OVER (
      PARTITION BY rule, product_id, order_id, customer_id ORDER BY seq
    ) AS reached
  FROM steps
),
bought AS (
  SELECT rule, customer_id, sum(step) - least(0, min(reached)) AS units
  FROM walked GROUP BY rule, product_id, order_id, customer_id
)
SELECT
  rule, span AS window, ends AS "endsAt", customer_id AS "customerId",
  sum(units)::bigint AS units, sum(holds)::int AS holds
FROM (
  SELECT rule, customer_id, units, holds FROM held
  UNION ALL
  SELECT rule, customer_id, units, 0 FROM bought
) AS had
JOIN rules USING (rule)
WHERE customer_id IS NOT NULL
GROUP BY rule, span, ends, customer_id HAVING sum(units) > 0
