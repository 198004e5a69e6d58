-- Time of the newest movement that was put away; null: none was. $1 partition, null: any.
SELECT (extract(epoch FROM max(at)) * 1000)::bigint AS "putAwayUntil" FROM partition_openings
WHERE $1::integer IS NULL OR partition = $1
