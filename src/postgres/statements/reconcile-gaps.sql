-- Numbers of $1 partition above $2, up to $3, that are neither a movement nor set aside; $4 at most.
SELECT seq
FROM generate_series($2::bigint + 1, $3::bigint) AS number (seq)
WHERE NOT EXISTS (SELECT FROM movements WHERE partition = $1 AND movements.seq = number.seq)
  AND NOT EXISTS (SELECT FROM quarantine WHERE partition = $1 AND quarantine.seq = number.seq)
ORDER BY seq
LIMIT $4
