-- A numbered page of locations and how many there are, both of one state: those that are registered,
-- and those where products have levels without anybody having registered them. Highest priority
-- first, then by name; one without a name goes by its id. A ring-fence of a campaign is no location. $1
-- active or not, null is any. $2 priority of those that nobody registered. $3 rows before the page, $4 limit.
WITH known AS (
  SELECT location, name, address, priority, active, created_at, updated_at FROM locations
  UNION ALL
  SELECT DISTINCT location, NULL, NULL, $2::integer, true, NULL::timestamptz, NULL::timestamptz
  FROM levels
  WHERE strpos(location, '~') = 0
    AND NOT EXISTS (SELECT FROM locations WHERE locations.location = levels.location)
),
found AS (
  SELECT * FROM known WHERE $1::boolean IS NULL OR active = $1
)
SELECT
  count(*)::integer AS total,
  array_to_json(ARRAY(
    SELECT json_build_object(
      'location', location, 'name', name, 'address', address, 'priority', priority, 'active', active,
      'createdAt', (extract(epoch FROM created_at) * 1000)::bigint,
      'updatedAt', (extract(epoch FROM updated_at) * 1000)::bigint
    )
    FROM found ORDER BY priority DESC, coalesce(name, location) COLLATE "C", location
    OFFSET $3 LIMIT $4
  )) AS items
FROM found
