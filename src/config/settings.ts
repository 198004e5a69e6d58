import { z } from "zod";
import {
  cron,
  flag,
  host,
  httpUrlOf,
  listOf,
  oneOf,
  originOf,
  networkOf,
  quota,
  text,
  url,
  wholeNumber,
  wordOf,
} from "#config/formats";
import type { VariableName } from "#config/variables";
import { LOG_LEVELS } from "#lib/log";

/** Bun closes a quiet connection after 10 s; an answer has to leave before. */
const REQUEST_DEADLINE_MS_MAX = 9000;
/** One day, as contract A has it; the same number bounds the core (HOLD_MINUTES_MAX). */
const RESERVATION_MINUTES_LIMIT = 1_440;
/** Rebuilds look back two days, and repeats of calls one. */
const RETENTION_DAYS_MIN = 7;

/** What each variable's text must be, and the value it stands for. */
export const SETTINGS = z.strictObject({
  NODE_ENV: oneOf(["development", "test", "production"]),
  HOST: text(255),
  PORT: wholeNumber(0, 65_535),
  WORKER_PORT: wholeNumber(0, 65_535),
  DATA_DIR: text(4096),
  REDIS_URL: url("redis://", "rediss://").optional(),
  DATABASE_URL: url("postgres://", "postgresql://").optional(),
  JWT_SECRET: z.string().optional(),
  JWT_SECRET_PREVIOUS: z.string().optional(),
  JWKS_URL: url("https://", "http://").optional(),
  JWKS_HTTP: flag(),
  JWT_ISSUER: text(512).optional(),
  JWT_AUDIENCE: text(512).optional(),
  RESERVATION_MINUTES: wholeNumber(1, RESERVATION_MINUTES_LIMIT),
  RESERVATION_MINUTES_MAX: wholeNumber(1, RESERVATION_MINUTES_LIMIT),
  EXTENSIONS_MAX: wholeNumber(0, 10_000),
  ON_EXPIRED: oneOf(["reject", "reacquire"]),
  PARTITIONS: wholeNumber(1, 1024),
  DURABILITY: oneOf(["memory", "disk", "replica", "ledger"]),
  LEDGER_CHAIN: flag(),
  JOURNAL_MAX_ENTRIES: wholeNumber(1000, 1_000_000_000),
  JOURNAL_KEEP_ENTRIES: wholeNumber(0, 100_000),
  REQUEST_DEADLINE_MS: wholeNumber(100, REQUEST_DEADLINE_MS_MAX),
  SHUTDOWN_GRACE_MS: wholeNumber(0, 600_000),
  RATE_PER_CUSTOMER: quota().optional(),
  RATE_PER_ADDRESS: quota().optional(),
  TRUSTED_PROXIES: listOf("addresses or networks such as 10.0.0.0/8", networkOf).optional(),
  CONTRACTS: listOf("words of small letters", wordOf).optional(),
  CONTRACTS_AUTH: oneOf(["none", "required"]),
  CONTRACTS_OPEN: flag(),
  SAMPLE_DATA: flag(),
  EUREKA_URL: listOf("URLs that start with https:// or http://", httpUrlOf).optional(),
  REGISTRY_PORT: wholeNumber(0, 65_535),
  REGISTRY_PASSWORD: z.string().optional(),
  USERS_PORT: wholeNumber(0, 65_535),
  GATEWAY_PORT: wholeNumber(0, 65_535),
  PRODUCTS_PORT: wholeNumber(0, 65_535),
  ORDERS_PORT: wholeNumber(0, 65_535),
  PAYMENT_PORT: wholeNumber(0, 65_535),
  USERS_URL: url("https://", "http://"),
  PRODUCTS_URL: url("https://", "http://"),
  ORDERS_URL: url("https://", "http://"),
  INVENTORY_URL: url("https://", "http://"),
  PAYMENT_URL: url("https://", "http://"),
  SERVICE_CLIENT_SECRET: z.string().optional(),
  PAYMENT_SECRET: z.string().optional(),
  PAYMENT_SECRET_PREVIOUS: z.string().optional(),
  ADVERTISE_HOST: host().optional(),
  ADVERTISE_PORT: wholeNumber(1, 65_535).optional(),
  PRODUCT_SERVICE_URL: url("https://", "http://").optional(),
  DOCS_PUBLIC: flag(),
  METRICS_TOKEN: z.string().optional(),
  IMPORT_TOKEN: z.string().optional(),
  RECONCILE_CRON: cron(),
  RETENTION_DAYS: wholeNumber(RETENTION_DAYS_MIN, 36_500),
  CORS_ORIGINS: listOf("origins such as https://shop.example.com", originOf).optional(),
  LOG_LEVEL: oneOf(LOG_LEVELS),
} satisfies Record<VariableName, z.ZodType>);

export type Settings = z.output<typeof SETTINGS>;

/** The text of the variables that are set, or have a fallback. */
export type Texts = Readonly<Partial<Record<VariableName, string>>>;
