-- Where epochs began, from the one after $2 on: each is the end of the one before.
-- $1 partition, $2 epoch.
SELECT epoch, began_at_seq AS "beganAt" FROM epochs
WHERE partition = $1 AND epoch > $2
ORDER BY epoch
