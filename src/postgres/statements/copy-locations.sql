SELECT
  location, version, name, address, priority, active,
  (extract(epoch FROM created_at) * 1000)::bigint AS "createdAt",
  (extract(epoch FROM updated_at) * 1000)::bigint AS "updatedAt"
FROM locations
