-- What a service over PostgreSQL alone would keep: the counters, a row a hold, a row a movement.
CREATE TABLE stock (
  product text COLLATE "C" PRIMARY KEY,
  on_hand bigint NOT NULL,
  reserved bigint NOT NULL DEFAULT 0,
  CHECK (reserved BETWEEN 0 AND on_hand)
) WITH (fillfactor = 50);

CREATE TABLE holds (
  owner text COLLATE "C" PRIMARY KEY,
  generation text COLLATE "C" NOT NULL,
  product text COLLATE "C" NOT NULL,
  quantity bigint NOT NULL,
  order_id text NOT NULL,
  customer_id text,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);

CREATE TABLE stock_movements (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  product text COLLATE "C" NOT NULL,
  reserved_before bigint NOT NULL,
  reserved_after bigint NOT NULL,
  owner text COLLATE "C" NOT NULL,
  context text NOT NULL,
  at timestamptz NOT NULL
);
