-- Whether the movement of a receipt may be there under another name: in quarantine, whatever became of
-- it, or as the DRIFT that a repair wrote in the place of a lost one. $1 partition, $2 product,
-- $3 seq that it is behind, $4 its reason, $5 its units.
SELECT EXISTS (
  SELECT FROM quarantine
  WHERE partition = $1 AND seq > $3
    AND strpos(payload::text, '"reason":' || to_json($4::text)) > 0
) OR EXISTS (
  SELECT FROM movements
  WHERE partition = $1 AND product_id = $2 AND seq > $3 AND on_hand_after - on_hand_before = $5::bigint
    AND type = 'DRIFT'
    AND type NOT IN ('RESERVE', 'SALE', 'RELEASE', 'EXPIRE', 'EXTEND')
) AS "mayBe"
