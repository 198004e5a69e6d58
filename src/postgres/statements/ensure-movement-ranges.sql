-- $1 first and $2 last seq that must have a range to go to.
SELECT ensure_movement_ranges($1, $2) AS made
