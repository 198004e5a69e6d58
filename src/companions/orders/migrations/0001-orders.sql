-- Orders, each with the step that it is at. What is RESERVING, WITHDRAWING or REFUSED is nobody's order:
-- it is written before the inventory is asked, so that no hold is ever without a row that knows of it.
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id text COLLATE "C" NOT NULL,
  -- The customer as it was given: a number or a text.
  customer jsonb NOT NULL,
  -- Each with name and price as they were when it was ordered.
  items jsonb NOT NULL,
  total numeric(14, 2) NOT NULL CHECK (total >= 0),
  state text NOT NULL DEFAULT 'RESERVING' CHECK (state IN ('RESERVING', 'WITHDRAWING', 'REFUSED',
    'PENDING', 'CONFIRMING', 'CANCELLING', 'CONFIRMED', 'CANCELLED')),
  -- What the calls of this order to the inventory are known by, however often they are sent.
  key text COLLATE "C" NOT NULL,
  reservation_id text COLLATE "C",
  due_at timestamptz,
  -- A hold of this order that the inventory told of before we knew what came of our call: where that was
  -- refused, a copy of the call has made it.
  heard_reservation_id text COLLATE "C",
  -- A hold of this order that the inventory told to have ended before we knew that it was there.
  lost_reservation_id text COLLATE "C",
  -- Why it was cancelled; why nothing was ordered.
  reason text,
  refusal jsonb,
  -- Idempotency-Key of who made it, and of what.
  request_by text COLLATE "C",
  request_key text COLLATE "C",
  request_hash text COLLATE "C",
  -- From here on a step that is open is for anybody to go on with. Who made an order without a key has
  -- given up by then.
  open_at timestamptz NOT NULL,
  tries integer NOT NULL DEFAULT 0,
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX orders_request ON orders (request_by, request_key) WHERE request_key IS NOT NULL;
CREATE INDEX orders_customer ON orders (customer_id, id);
CREATE INDEX orders_open ON orders (open_at)
  WHERE state IN ('RESERVING', 'WITHDRAWING', 'CONFIRMING', 'CANCELLING');
CREATE INDEX orders_due ON orders (due_at) WHERE state = 'PENDING';

-- Holds that a call of ours made when nobody waited for it any more. They are cancelled, and go.
CREATE TABLE strays (
  reservation_id text COLLATE "C" PRIMARY KEY,
  order_id bigint NOT NULL,
  written_at timestamptz NOT NULL DEFAULT now()
);

-- How far the events of the inventory were heard, moved by the transaction that changes orders by them;
-- and which process listens.
CREATE TABLE feed (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  cursor text,
  holder text,
  held_until timestamptz NOT NULL DEFAULT now()
);
INSERT INTO feed DEFAULT VALUES;
