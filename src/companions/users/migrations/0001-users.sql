-- Who may sign in, services that sign in for themselves, and the keys that their tokens are signed with.
CREATE TABLE accounts (
  id text COLLATE "C" PRIMARY KEY,
  -- In small letters.
  email text COLLATE "C" NOT NULL UNIQUE,
  password_hash text NOT NULL,
  role text NOT NULL CHECK (role IN ('admin', 'customer')),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE clients (
  id text COLLATE "C" PRIMARY KEY,
  name text NOT NULL,
  secret_hash text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- `published_until` null: it is the newest. A key is published well before it signs, and until the last
-- token that it signed has run out.
CREATE TABLE signing_keys (
  kid text COLLATE "C" PRIMARY KEY,
  private_pem text NOT NULL,
  public_jwk jsonb NOT NULL,
  signs_from timestamptz NOT NULL,
  published_until timestamptz
);
