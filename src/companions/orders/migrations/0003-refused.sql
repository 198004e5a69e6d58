-- What was refused is nobody's order, and goes when no copy of its call can arrive any more.
CREATE INDEX orders_refused ON orders (updated_at) WHERE state = 'REFUSED';
