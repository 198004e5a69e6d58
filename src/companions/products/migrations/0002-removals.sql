-- Removals that are under way, one of a product at a time. It is taken off sale before it is known whether
-- anybody holds some of it: what it was before that stands here, for whoever goes on with it.
CREATE TABLE removals (
  product_id bigint PRIMARY KEY REFERENCES products (id) ON DELETE CASCADE,
  -- What the calls of this removal to the inventory are known by, however often they are sent.
  key text COLLATE "C" NOT NULL,
  -- Its safety stock before it was taken off sale; null: nothing was changed yet.
  safety_stock bigint,
  -- Units that were held when it was off sale: it is put back then, and stays. null: it is not known yet.
  held bigint,
  -- From here on it is for anybody to go on with.
  open_at timestamptz NOT NULL,
  tries integer NOT NULL DEFAULT 0,
  last_error text
);
CREATE INDEX removals_open ON removals (open_at);

-- SKUs of products that are gone. The inventory has their items still, so nothing else can bear them.
CREATE TABLE gone (
  sku text COLLATE "C" PRIMARY KEY,
  product_id bigint NOT NULL,
  gone_at timestamptz NOT NULL DEFAULT now()
);
