/** The services around the inventory, and what each reads of the environment. */
import { COMMON_SETTINGS, type VariableName } from "#config";

export const COMPANIONS = [
  "registry",
  "users",
  "products",
  "orders",
  "payment",
  "gateway",
] as const;
export type CompanionName = (typeof COMPANIONS)[number];

export const isCompanion = (word: string | undefined): word is CompanionName =>
  COMPANIONS.some((name) => name === word);

/** What every companion reads of the environment; and what each reads beside that. */
const DOCUMENTED: readonly VariableName[] = [...COMMON_SETTINGS, "DOCS_PUBLIC"];
const COMMON: readonly VariableName[] = [...DOCUMENTED, "REDIS_URL"];
/** Of those that call others. */
const CALLING: readonly VariableName[] = ["USERS_URL", "INVENTORY_URL", "SERVICE_CLIENT_SECRET"];
export const SETTINGS_OF: Readonly<Record<CompanionName, readonly VariableName[]>> = {
  registry: [...COMMON, "REGISTRY_PORT", "REGISTRY_PASSWORD"],
  users: [
    ...COMMON,
    "DATABASE_URL",
    "USERS_PORT",
    "TRUSTED_PROXIES",
    "SAMPLE_DATA",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "SERVICE_CLIENT_SECRET",
  ],
  products: [
    ...COMMON,
    "DATABASE_URL",
    "PRODUCTS_PORT",
    "SAMPLE_DATA",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    ...CALLING,
  ],
  orders: [
    ...COMMON,
    "DATABASE_URL",
    "ORDERS_PORT",
    "PRODUCTS_URL",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "PAYMENT_SECRET",
    "PAYMENT_SECRET_PREVIOUS",
    ...CALLING,
  ],
  payment: [
    ...COMMON,
    "DATABASE_URL",
    "PAYMENT_PORT",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "USERS_URL",
    "ORDERS_URL",
    "SERVICE_CLIENT_SECRET",
    "PAYMENT_SECRET",
    "PAYMENT_SECRET_PREVIOUS",
  ],
  gateway: [
    ...DOCUMENTED,
    "GATEWAY_PORT",
    "TRUSTED_PROXIES",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "USERS_URL",
    "INVENTORY_URL",
    "PRODUCTS_URL",
    "ORDERS_URL",
    "PAYMENT_URL",
  ],
};
