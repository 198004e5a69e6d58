-- What is sold, and what the inventory has to be told of it. Stock is the inventory's alone.
CREATE TABLE products (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sku text COLLATE "C" NOT NULL UNIQUE,
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  price numeric(12, 2) NOT NULL CHECK (price >= 0),
  category text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX products_category ON products (category, id);

-- Written in the transaction that made its cause, and done once the inventory has answered. The key of the
-- call is made with the row: however often it is sent, it happens once.
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  product_id bigint NOT NULL,
  call jsonb NOT NULL,
  key text COLLATE "C" NOT NULL,
  written_at timestamptz NOT NULL DEFAULT now(),
  done_at timestamptz,
  tries integer NOT NULL DEFAULT 0,
  last_error text
);
CREATE INDEX outbox_undone ON outbox (id) WHERE done_at IS NULL;
