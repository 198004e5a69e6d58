-- From when on holds and sales count against `max_per_customer`; null: from the product's beginning, or
-- written by a version that does not know it.
ALTER TABLE products ADD COLUMN limit_since timestamptz;
