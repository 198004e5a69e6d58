-- Where $1 product has movements: one step of the index for each location.
WITH RECURSIVE place AS (
  (SELECT location FROM movements WHERE product_id = $1 ORDER BY product_id, location LIMIT 1)
  UNION ALL
  SELECT (
    SELECT movements.location FROM movements
    WHERE product_id = $1 AND movements.location > place.location
    ORDER BY product_id, movements.location LIMIT 1
  )
  FROM place WHERE location IS NOT NULL
)
SELECT location FROM place WHERE location IS NOT NULL
