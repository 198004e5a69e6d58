-- Those of $1 products of which movements that their limit counts were put away: what is left of those
-- does not say all that a customer has.
SELECT product_id AS id FROM products
JOIN partition_openings AS opening USING (partition)
WHERE product_id = ANY ($1::text[]) AND max_per_customer IS NOT NULL
  AND opening.at >= coalesce(limit_since, created_at)
