-- Where a partition's chain begins, goes on and ends, all of one state. $1 partition.
SELECT
  cursor_seq AS "cursorSeq", encode(partitions.chain, 'hex') AS chain,
  encode(chain_key, 'hex') AS "chainKey",
  coalesce((
    SELECT json_agg(json_build_object(
      'first', first_seq, 'last', last_seq, 'lastChain', encode(last_chain, 'hex'),
      -- How many links of pseudonyms come before its end, behind its last movement.
      'behind', (
        SELECT count(*) FROM chain_pseudonyms AS own
        WHERE own.partition = $1 AND after_seq = coalesce(last_seq, cursor_seq)
      )
    ) ORDER BY first_seq)
    FROM chains WHERE chains.partition = $1
  ), '[]'::json) AS segments,
  -- Movements up to there were put away, and this is the link of the last of them.
  opening.seq AS "putAwaySeq", encode(opening.chain, 'hex') AS "putAwayChain",
  -- Rows where no movement can be, and links of pseudonyms where no chain is.
  (
    SELECT min(seq) FROM (
      (SELECT seq FROM movements WHERE movements.partition = $1 AND movements.seq > cursor_seq
        ORDER BY seq LIMIT 1)
      UNION ALL
      (SELECT seq FROM movements WHERE movements.partition = $1
        AND movements.seq <= coalesce(opening.seq, 0) ORDER BY seq LIMIT 1)
      UNION ALL
      SELECT seq FROM quarantine WHERE quarantine.partition = $1 AND seq NOT BETWEEN 1 AND cursor_seq
      UNION ALL
      SELECT after_seq FROM chain_pseudonyms AS own
      WHERE own.partition = $1 AND after_seq > coalesce(opening.seq, 0) AND NOT EXISTS (
        SELECT FROM chains
        WHERE chains.partition = $1 AND after_seq BETWEEN first_seq AND coalesce(last_seq, cursor_seq)
      )
    ) AS stray
  ) AS stray
FROM partitions LEFT JOIN partition_openings AS opening USING (partition)
WHERE partitions.partition = $1
