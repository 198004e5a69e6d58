/** What help says of the commands that have no options of a file's own. */

export const START_HELP = `Serves the API, the background work, or both, until SIGINT or SIGTERM.

Usage:
  bun run start [all|api|worker]      (default: all)
  bun run start api --workers N       N processes on one port, 1-64: one for each core to be used
  bun run start registry              a service registry in Eureka's words, on REGISTRY_PORT
  bun run start users                 sign-in and the keys of its tokens, on USERS_PORT
  bun run start products              what is sold, on PRODUCTS_PORT
  bun run start orders                orders, each with its stock held or sold, on ORDERS_PORT
  bun run start payment               a stand-in that pays orders, and tells them, on PAYMENT_PORT
  bun run start gateway               one door to all of them, on GATEWAY_PORT

  all       both in one process, on PORT
  api       HTTP alone, on PORT
  worker    the drain, expiry, comparisons and runs; health and metrics on WORKER_PORT

Each of these needs Redis and PostgreSQL: REDIS_URL and DATABASE_URL, or outside production servers of its own
in DATA_DIR. It brings PostgreSQL to the schema of this version first.

With --workers, on Linux, the kernel spreads connections over the processes, a process that ends is
started again, and /metrics of any of them is of all. It ends them all when it stops, or is killed.

It exits with 0 when it stopped as it was told to, with 1 when it could not start, could not finish in
SHUTDOWN_GRACE_MS, or lost its servers, and with 2 when the command line cannot be understood.

Examples:
  bun run start
  PORT=3004 bun run start
  bun run start api --workers 4
  REDIS_URL=redis://localhost:6379 DATABASE_URL=postgres://localhost/holdfast bun run start worker

Every setting is an environment variable: see .env.example.
`;

export const PLATFORM_HELP = `Starts a whole shop on this machine, or says whether one that runs works.

Usage:
  bun run platform                    registry, users, inventory, products, orders, payment and gateway
  bun run platform:check              nine checks of what runs: each service, and that they work together

Without REDIS_URL and DATABASE_URL it starts servers of its own in DATA_DIR. A service that ends is started
again; each writes into DATA_DIR/platform. Ports are REGISTRY_PORT, USERS_PORT, PORT, PRODUCTS_PORT,
ORDERS_PORT, PAYMENT_PORT and GATEWAY_PORT. Not for production: start each service by itself there.

It exits with 0 when it stopped as it was told to or all checks passed, with 1 when it could not start or a
check failed, and with 2 when the command line cannot be understood.

Examples:
  bun run platform
  bun run platform:check
  curl localhost:3000/api/products
`;

export const MIGRATE_HELP = `Brings PostgreSQL to the schema of this version, and says what it did.

Usage:
  bun run migrate

start does it too; this is for who wants it done before. It waits up to 30 s for PostgreSQL, and up to
60 s for another one that migrates. It reads the service's settings, DATABASE_URL among them; without
one it uses the embedded server in DATA_DIR. There is no way back: make a backup before.

It exits with 0 when the schema is there, with 1 when the database is newer, was made by other
migrations or cannot be reached, and with 2 when the command line cannot be understood.

Examples:
  bun run migrate
  DATABASE_URL=postgres://localhost/holdfast bun run migrate
`;

export const TOKEN_HELP = `Prints a token for the API, signed with the key that this installation verifies with.

Usage:
  bun run token [options]

Options:
  --role admin|service|customer       what the token may do            (default: customer)
  --subject NAME                      who it is for                    (default: the role's name)
  --minutes N                         how long it is valid, 1-10080    (default: 60)

It signs with JWT_SECRET (and JWT_ISSUER, JWT_AUDIENCE: set them as the service has them), outside
production without one with the development key in DATA_DIR. It asks no server. Where JWKS_URL alone is
set, whoever holds its keys signs.

It exits with 0, with 1 when it has no key, and with 2 when the command line cannot be understood.

Examples:
  curl -H "Authorization: Bearer $(bun run token --role admin)" localhost:3003/api/inventory/low-stock
  bun run token --role customer --subject customer-1 --minutes 10
  JWT_SECRET_FILE=/run/secrets/jwt bun run token --role admin --subject alice
`;

export const VERIFY_HELP = `Compares Redis and the ledger while they serve, and says what differs.

Usage:
  bun run verify [--json]

Options:
  --json               print the report as JSON, on one line; progress goes to stderr either way

Counters, holds and the movements behind them are compared, and where LEDGER_CHAIN made a chain of
hashes, each of its links is worked out anew. No stock is changed; where no worker runs, what waits in
the journal is brought into the ledger first. It needs the servers of the service: its REDIS_URL and
DATABASE_URL, or its DATA_DIR. To mend what differs: POST /api/inventory/reconcile.

It exits with 0 when nothing differs, with 1 when anything does, a chain does not fit, a movement is in
quarantine, or no comparison was possible, and with 2 when the command line cannot be understood.

Examples:
  bun run verify
  bun run verify --json > report.json
  REDIS_URL=redis://localhost:6379 DATABASE_URL=postgres://localhost/holdfast bun run verify
`;
