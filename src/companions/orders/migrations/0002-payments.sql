-- Orders are paid: a payment confirms its order or cancels it, and one that comes too late takes the stock
-- of an expired hold once more (REACQUIRING).
ALTER TABLE orders DROP CONSTRAINT orders_state_check;
ALTER TABLE orders ADD CONSTRAINT orders_state_check CHECK (state IN ('RESERVING', 'WITHDRAWING',
  'REFUSED', 'PENDING', 'CONFIRMING', 'CANCELLING', 'REACQUIRING', 'CONFIRMED', 'CANCELLED'));
ALTER TABLE orders
  -- The payment that paid it, or that tried to too late: at most one.
  ADD COLUMN paid_by text COLLATE "C",
  -- It was tried to take the stock of its expired hold once more. That is tried once.
  ADD COLUMN is_late boolean NOT NULL DEFAULT false,
  -- What was sold then has an id of its own: as the inventory answered, or told before we heard the answer.
  ADD COLUMN sale_id text COLLATE "C";
DROP INDEX orders_open;
CREATE INDEX orders_open ON orders (open_at)
  WHERE state IN ('RESERVING', 'WITHDRAWING', 'CONFIRMING', 'CANCELLING', 'REACQUIRING');

-- A late sale of an order that had given up by then: its units go back to the stock.
ALTER TABLE strays ADD COLUMN is_sold boolean NOT NULL DEFAULT false;

-- What payments came to, each once, and what was answered: the money is kept or given back.
CREATE TABLE payments (
  id text COLLATE "C" PRIMARY KEY,
  order_id bigint NOT NULL REFERENCES orders (id),
  amount numeric(14, 2) NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('succeeded', 'failed')),
  -- null: not known yet.
  verdict text CHECK (verdict IN ('kept', 'refund', 'noted')),
  reason text,
  heard_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payments_order ON payments (order_id);
