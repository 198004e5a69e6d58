/** A public name of the configuration, as README, `.env.example` and the compose file show it. */
export type Variable = Readonly<{
  name: string;
  /** Used when the variable is absent or empty. Absent: the setting is off, or decided at start. */
  fallback?: string;
  /** Used instead of `fallback` when NODE_ENV is `production`. */
  productionFallback?: string;
  meaning: string;
  /** Never shown; may be given as a file's path in `<name>_FILE`. */
  secret?: true;
}>;

/** Every variable there is, in the order in which documents list them. */
export const VARIABLES = [
  {
    name: "NODE_ENV",
    fallback: "development",
    meaning: "`development`, `test`, or `production`, which switches every refusal on",
  },
  {
    name: "HOST",
    fallback: "127.0.0.1",
    productionFallback: "0.0.0.0",
    meaning: "Address to listen on",
  },
  { name: "PORT", fallback: "3003", meaning: "Port of the API; 0 takes any free one" },
  { name: "WORKER_PORT", fallback: "3013", meaning: "Port of the worker's health and metrics" },
  {
    name: "DATA_DIR",
    fallback: ".data",
    meaning: "Folder of the embedded servers and the development secret",
  },
  {
    name: "REDIS_URL",
    secret: true,
    meaning: "`redis://` or `rediss://`; required in production, embedded elsewhere",
  },
  {
    name: "DATABASE_URL",
    secret: true,
    meaning: "`postgres://`; required in production, embedded elsewhere",
  },
  {
    name: "JWT_SECRET",
    secret: true,
    meaning: "Key of HS256 tokens, at least 32 bytes; elsewhere than in production made at start",
  },
  {
    name: "JWT_SECRET_PREVIOUS",
    secret: true,
    meaning: "The key before it, still accepted while tokens change over",
  },
  {
    name: "JWKS_URL",
    meaning: "Public keys of RS256, ES256 and EdDSA tokens; beside JWT_SECRET or instead of it",
  },
  {
    name: "JWKS_HTTP",
    fallback: "0",
    meaning:
      "`1`: in production JWKS_URL may be `http:`, where nobody else is on the network to it",
  },
  { name: "JWT_ISSUER", meaning: "Required `iss` of every token" },
  { name: "JWT_AUDIENCE", meaning: "Required `aud` of every token" },
  { name: "RESERVATION_MINUTES", fallback: "15", meaning: "Life of a hold that names none" },
  {
    name: "RESERVATION_MINUTES_MAX",
    fallback: "1440",
    meaning: "The longest life of a hold, from when it was made, however often it is extended",
  },
  {
    name: "EXTENSIONS_MAX",
    fallback: "100",
    meaning: "How often a hold may be extended; `0`: as often as its longest life allows",
  },
  {
    name: "ON_EXPIRED",
    fallback: "reject",
    meaning: "What confirming an expired hold does: 410, or a new sale if the stock is still there",
  },
  {
    name: "PARTITIONS",
    fallback: "1",
    meaning: "Parts the stock is split into; fixed when the store is created",
  },
  {
    name: "DURABILITY",
    fallback: "disk",
    meaning:
      "The least that the answer to a change waits for: `memory`, `disk` (on Redis's disk), `replica` (a replica has it too) or `ledger` (in PostgreSQL)",
  },
  {
    name: "LEDGER_CHAIN",
    fallback: "0",
    meaning: "`1`: each movement in PostgreSQL has a hash of itself and of the one before it",
  },
  {
    name: "JOURNAL_MAX_ENTRIES",
    fallback: "10000000",
    meaning: "Movements that may wait for PostgreSQL before changes are refused",
  },
  {
    name: "JOURNAL_KEEP_ENTRIES",
    fallback: "100000",
    meaning: "Journal entries kept for feeds once they are in PostgreSQL",
  },
  {
    name: "REQUEST_DEADLINE_MS",
    fallback: "5000",
    meaning: "Time within which every request is answered",
  },
  {
    name: "SHUTDOWN_GRACE_MS",
    fallback: "10000",
    meaning: "Time to finish work in flight after SIGTERM",
  },
  {
    name: "RATE_PER_CUSTOMER",
    meaning:
      "Requests that one customer may make in a time, such as `100/10s`; without it they are not counted",
  },
  {
    name: "RATE_PER_ADDRESS",
    meaning: "The same of one network address, for customers and for who shows no token",
  },
  {
    name: "TRUSTED_PROXIES",
    meaning: "Addresses or networks whose `X-Forwarded-For` is believed, by comma",
  },
  {
    name: "CONTRACTS",
    productionFallback: "inventory",
    meaning: "HTTP contracts to serve, by comma; all there are without it",
  },
  {
    name: "CONTRACTS_AUTH",
    fallback: "none",
    meaning: "`required`: changes through open contracts need a service or admin token",
  },
  {
    name: "CONTRACTS_OPEN",
    fallback: "0",
    meaning: "`1`: in production open contracts may take changes from everybody who reaches them",
  },
  {
    name: "SAMPLE_DATA",
    fallback: "1",
    productionFallback: "0",
    meaning: "`1`: fill an empty store with samples; refused in production",
  },
  {
    name: "EUREKA_URL",
    secret: true,
    meaning: "Eureka registry to register with, more than one by comma; none without it",
  },
  { name: "REGISTRY_PORT", fallback: "8761", meaning: "Port of the service registry" },
  {
    name: "REGISTRY_PASSWORD",
    secret: true,
    meaning:
      "What callers of the service registry must know, as `registry:<it>@` in EUREKA_URL; required there in production",
  },
  { name: "USERS_PORT", fallback: "3001", meaning: "Port of the users service" },
  { name: "GATEWAY_PORT", fallback: "3000", meaning: "Port of the gateway" },
  { name: "PRODUCTS_PORT", fallback: "3002", meaning: "Port of the products service" },
  { name: "ORDERS_PORT", fallback: "8000", meaning: "Port of the orders service" },
  { name: "PAYMENT_PORT", fallback: "3004", meaning: "Port of the payment service" },
  {
    name: "USERS_URL",
    fallback: "http://localhost:3001",
    meaning: "Where the services around the inventory find the users service",
  },
  {
    name: "PRODUCTS_URL",
    fallback: "http://localhost:3002",
    meaning: "Where they find the products service",
  },
  {
    name: "ORDERS_URL",
    fallback: "http://localhost:8000",
    meaning: "Where they find the orders service",
  },
  {
    name: "INVENTORY_URL",
    fallback: "http://localhost:3003",
    meaning: "Where they find the inventory",
  },
  {
    name: "PAYMENT_URL",
    fallback: "http://localhost:3004",
    meaning: "Where the gateway finds the payment service",
  },
  {
    name: "SERVICE_CLIENT_SECRET",
    secret: true,
    meaning: "What the services around the inventory sign in with at the users service",
  },
  {
    name: "PAYMENT_SECRET",
    secret: true,
    meaning:
      "What payment signs with when it tells orders, at least 24 bytes; required there in production",
  },
  {
    name: "PAYMENT_SECRET_PREVIOUS",
    secret: true,
    meaning: "The one before, signed with and accepted too while it changes",
  },
  {
    name: "ADVERTISE_HOST",
    meaning: "Host under which others reach the API; else HOST, or the machine's name",
  },
  { name: "ADVERTISE_PORT", meaning: "Port under which others reach the API; else its own" },
  {
    name: "PRODUCT_SERVICE_URL",
    meaning: "Product service whose products contract C's list shows; none without it",
  },
  {
    name: "DOCS_PUBLIC",
    fallback: "1",
    productionFallback: "0",
    meaning: "`1`: `/docs` and `/openapi.json` are for everybody; `0`: for admins",
  },
  {
    name: "METRICS_TOKEN",
    secret: true,
    meaning: "Bearer token that `/metrics` demands, at least 16 bytes; without one: loopback only",
  },
  {
    name: "IMPORT_TOKEN",
    secret: true,
    meaning: "Token of an admin that `bun run import` sends, unless `--token-file` names one",
  },
  {
    name: "RECONCILE_CRON",
    fallback: "0 3 * * *",
    meaning:
      "When Redis and the ledger are compared by themselves (five fields of cron, or six with seconds; UTC); `off`: never",
  },
  {
    name: "RETENTION_DAYS",
    fallback: "400",
    meaning:
      "Days that PostgreSQL keeps what has ended: holds, alerts, runs, receipts and reports of rebuilds",
  },
  { name: "CORS_ORIGINS", meaning: "Browser origins that may call, by comma; none without it" },
  { name: "LOG_LEVEL", fallback: "info", meaning: "`debug`, `info`, `warn` or `error`" },
] as const satisfies readonly Variable[];

export type VariableName = (typeof VARIABLES)[number]["name"];
