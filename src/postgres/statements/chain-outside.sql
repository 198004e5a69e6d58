-- Rows of a partition that bear a link, where no chain is. $1 partition, $2 first and $3 last seq.
SELECT min(seq) AS first, max(seq) AS last FROM (
  SELECT seq FROM movements
  WHERE partition = $1 AND seq BETWEEN $2 AND $3
    AND num_nonnulls(chain, chain_commitment, chain_salt) > 0
  UNION ALL
  SELECT seq FROM quarantine
  WHERE partition = $1 AND seq BETWEEN $2 AND $3
    AND num_nonnulls(chain, chain_commitment, chain_salt) > 0
) AS outside
HAVING count(*) > 0
