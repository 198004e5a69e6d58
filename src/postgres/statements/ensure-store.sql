-- Makes the store's row and its partitions once. $1 store id, $2 partitions.
WITH made AS (
  INSERT INTO store (store_id, partitions) VALUES ($1, $2)
  ON CONFLICT DO NOTHING
  RETURNING store_id, partitions
),
made_partitions AS (
  INSERT INTO partitions (partition) SELECT generate_series(0, partitions - 1) FROM made
)
SELECT store_id, partitions FROM made
UNION ALL
SELECT store_id, partitions FROM store
