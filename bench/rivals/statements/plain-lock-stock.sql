-- Locks the row of $1 product, and tells what is there.
SELECT on_hand - reserved AS free, reserved FROM stock WHERE product = $1 FOR UPDATE
