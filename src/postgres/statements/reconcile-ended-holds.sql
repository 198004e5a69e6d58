-- Of the next $4 reservations behind $1 owner, $2 generation, $3 partition: those that ended with other
-- units than their movements come to, where these are all there and younger than $5. A hold of no
-- order is passed over: no index finds its movements. `units` is what they come to.
WITH page AS (
  SELECT * FROM reservations
  WHERE (owner, generation, partition) > ($1::uuid, $2, $3)
  ORDER BY owner, generation, partition
  LIMIT $4
)
SELECT
  partition, owner, generation, order_id AS "orderId", customer_id AS "customerId", status,
  end_reason AS "endReason", allocations, page.seq,
  (extract(epoch FROM created_at) * 1000)::bigint AS "createdAt",
  (extract(epoch FROM expires_at) * 1000)::bigint AS "expiresAt",
  moved.units
FROM page
CROSS JOIN LATERAL (
  SELECT
    json_agg(json_build_object(
      'productId', product_id, 'location', location, 'held', 0, 'confirmed', confirmed,
      'released', released
    ) ORDER BY product_id, location) AS units,
    jsonb_object_agg(product_id || ' ' || location, confirmed || ' ' || released) AS known,
    sum(confirmed) > 0 AS "isSold", sum(held) AS held, max(last) AS last
  FROM (
    SELECT
      product_id, location, sum(reserved_after - reserved_before) AS held,
      coalesce(sum(on_hand_before - on_hand_after) FILTER (WHERE type = 'SALE'), 0) AS confirmed,
      coalesce(sum(reserved_before - reserved_after)
        FILTER (WHERE type IN ('RELEASE', 'EXPIRE')), 0) AS released,
      max(seq) AS last
    FROM movements
    WHERE order_id = page.order_id
      AND reservation_id = 'p' || page.partition || '-' || replace(owner::text, '-', '') || '-' || generation
    GROUP BY product_id, location
  ) AS level
) AS moved
WHERE page.status <> 'ACTIVE' AND page.seq > $5 AND moved.last = page.seq AND moved.held = 0
  AND (
    moved.known <> (
      SELECT jsonb_object_agg(line->>'productId' || ' ' || (line->>'location'),
        (line->>'confirmed') || ' ' || (line->>'released'))
      FROM jsonb_array_elements(allocations) AS line
    )
    OR (page.status = 'CONFIRMED') <> moved."isSold"
    OR EXISTS (SELECT FROM jsonb_array_elements(allocations) AS line WHERE line->>'held' <> '0')
  )
ORDER BY owner, generation, partition
