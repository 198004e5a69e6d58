-- $1 partition, $2 kind, $3 the kind that it ends, $4 the kind that ends it, $5 product, $6 units,
-- $7 detail; null: none.
SELECT raise_alert($1, $2, $3, $4, $5, $6, $7) AS raised
