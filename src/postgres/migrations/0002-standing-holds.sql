-- A standing hold is never due, and one that is the product's own names no order.
ALTER TABLE reservations ALTER COLUMN expires_at DROP NOT NULL;
ALTER TABLE reservations ALTER COLUMN order_id DROP NOT NULL;
