-- Stock that is expected, and what came of it. `received` counts a receipt from the moment it is
-- claimed: units that are on their way into the stock are not expected any more.
CREATE TABLE incoming (
  incoming_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  product_id text COLLATE "C" NOT NULL,
  -- null: the product's home, as it is when they come.
  location text COLLATE "C",
  quantity bigint NOT NULL CHECK (quantity BETWEEN 1 AND 1000000000),
  received bigint NOT NULL DEFAULT 0 CHECK (received BETWEEN 0 AND quantity),
  -- How many were claimed, and the units of the last one.
  receipts integer NOT NULL DEFAULT 0,
  last_units bigint NOT NULL DEFAULT 0,
  expected_at timestamptz NOT NULL,
  reference text,
  cancelled boolean NOT NULL DEFAULT false,
  version integer NOT NULL DEFAULT 1,
  actor text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now()),
  updated_at timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now())
);
CREATE INDEX incoming_by_date ON incoming (expected_at, incoming_id);
CREATE INDEX incoming_of_product ON incoming (product_id)
  WHERE NOT cancelled AND received < quantity;

-- One row a receipt: claimed before the stock changes, done when it has, refused when it did not. A
-- claimed one that nobody finishes is finished by a worker, under the same operation; a refused one
-- is claimed again by a repeat of its call.
CREATE TABLE incoming_receipts (
  incoming_id uuid NOT NULL REFERENCES incoming,
  receipt integer NOT NULL,
  units bigint NOT NULL CHECK (units > 0),
  state text COLLATE "C" NOT NULL DEFAULT 'claimed'
    CHECK (state IN ('claimed', 'done', 'refused')),
  actor text NOT NULL,
  request_id text NOT NULL,
  claimed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (incoming_id, receipt)
);
CREATE INDEX incoming_receipts_claimed ON incoming_receipts (claimed_at) WHERE state = 'claimed';

-- As it is told, and kept for a repeat.
CREATE FUNCTION incoming_as_json(it incoming) RETURNS json LANGUAGE sql STABLE AS $$
  SELECT json_build_object(
    'incomingId', it.incoming_id, 'productId', it.product_id, 'location', it.location,
    'quantity', it.quantity, 'received', it.received, 'cancelled', it.cancelled,
    'expectedAt', (extract(epoch FROM it.expected_at) * 1000)::bigint,
    'reference', it.reference, 'version', it.version,
    'createdAt', (extract(epoch FROM it.created_at) * 1000)::bigint,
    'updatedAt', (extract(epoch FROM it.updated_at) * 1000)::bigint
  )
$$;
