-- Payments of orders, each with its outcome. The amount is the order's, as orders told it.
CREATE TABLE payments (
  id text COLLATE "C" PRIMARY KEY,
  -- Counts up, for pages.
  number bigint GENERATED ALWAYS AS IDENTITY,
  order_id bigint NOT NULL,
  customer_id text COLLATE "C" NOT NULL,
  amount numeric(14, 2) NOT NULL CHECK (amount >= 0),
  method text NOT NULL,
  state text NOT NULL DEFAULT 'PENDING'
    CHECK (state IN ('PENDING', 'SUCCEEDED', 'FAILED', 'REFUNDED')),
  -- Why it failed, or was given back.
  reason text,
  -- When its outcome is decided by itself; null: somebody says it.
  due_at timestamptz,
  -- Idempotency-Key of who began it, and of what.
  request_by text COLLATE "C",
  request_key text COLLATE "C",
  request_hash text COLLATE "C",
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX payments_number ON payments (number);
-- An order is not paid twice: whoever begins a second payment hears of the first.
CREATE UNIQUE INDEX payments_alive ON payments (order_id) WHERE state IN ('PENDING', 'SUCCEEDED');
CREATE UNIQUE INDEX payments_request ON payments (request_by, request_key)
  WHERE request_key IS NOT NULL;
CREATE INDEX payments_order ON payments (order_id, number);
CREATE INDEX payments_customer ON payments (customer_id, number);
CREATE INDEX payments_due ON payments (due_at) WHERE state = 'PENDING';

-- What orders have to be told, written in the transaction that decided it, and done once orders have said
-- what becomes of the money. Name and body are those of each try.
CREATE TABLE outbox (
  payment_id text COLLATE "C" PRIMARY KEY REFERENCES payments (id),
  message text COLLATE "C" NOT NULL,
  body text NOT NULL,
  written_at timestamptz NOT NULL DEFAULT now(),
  done_at timestamptz,
  tries integer NOT NULL DEFAULT 0,
  last_error text
);
CREATE INDEX outbox_undone ON outbox (written_at) WHERE done_at IS NULL;
