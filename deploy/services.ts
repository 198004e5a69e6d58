/** What runs in a cluster, as data: the manifests are written from it. */
import { COMPANIONS, SETTINGS_OF, type CompanionName } from "#compose/companion-settings";
import { portOf as portOfCompanion } from "#compose/companions";
import { portOf } from "#compose/port";
import { COMMON_SETTINGS, readConfig, VARIABLES, type Variable, type VariableName } from "#config";

export type ServiceName = "api" | "worker" | CompanionName;

export interface Service {
  readonly name: ServiceName;
  /** What follows the image's entrypoint. */
  readonly args: readonly string[];
  readonly port: number;
  /** What it reads of the environment, of all that is given here. */
  readonly settings: readonly VariableName[];
  /** Whom it opens connections to. */
  readonly calls: readonly ServiceName[];
  readonly size: Size;
}

/**
 * Processes and what each may use. No limit of processor time: a process that is held back for some
 * milliseconds answers late, and what it leaves others may use.
 */
export interface Size {
  readonly replicasMin: number;
  /** As many as `replicasMin`: nothing scales it. */
  readonly replicasMax: number;
  /** In Kubernetes' words: processors that are kept for it. */
  readonly cpu: string;
  readonly memory: string;
  /** Requests a second that one process is to answer; absent: its processor time decides alone. */
  readonly requestsPerSecond?: number;
}

const SIZES: Readonly<Record<ServiceName, Size>> = {
  // A process answers some 18 000 a second with a core of its own (54.3 µs, docs/capacity.md), and
  // is planned to be used to 60 %; below that a further one has time to start.
  api: { replicasMin: 3, replicasMax: 8, cpu: "1", memory: "1Gi", requestsPerSecond: 8_000 },
  // One does the work, and the second takes over at once.
  worker: { replicasMin: 2, replicasMax: 2, cpu: "500m", memory: "1Gi" },
  registry: { replicasMin: 2, replicasMax: 2, cpu: "100m", memory: "256Mi" },
  users: { replicasMin: 2, replicasMax: 4, cpu: "250m", memory: "512Mi" },
  products: { replicasMin: 2, replicasMax: 4, cpu: "250m", memory: "512Mi" },
  orders: { replicasMin: 2, replicasMax: 4, cpu: "250m", memory: "512Mi" },
  payment: { replicasMin: 2, replicasMax: 4, cpu: "250m", memory: "512Mi" },
  gateway: { replicasMin: 2, replicasMax: 6, cpu: "500m", memory: "512Mi" },
};

/** What the inventory reads of what is given here. */
const OF_INVENTORY: readonly VariableName[] = ["REDIS_URL", "DATABASE_URL", "METRICS_TOKEN"];
const OF_API: readonly VariableName[] = [
  "JWT_SECRET",
  "JWT_SECRET_PREVIOUS",
  "JWKS_URL",
  "EUREKA_URL",
  "ADVERTISE_HOST",
];

/** Whom a variable names. */
const NAMES: Partial<Record<VariableName, ServiceName>> = {
  JWKS_URL: "users",
  USERS_URL: "users",
  PRODUCTS_URL: "products",
  ORDERS_URL: "orders",
  PAYMENT_URL: "payment",
  INVENTORY_URL: "api",
  EUREKA_URL: "registry",
};

const config = readConfig({});

const inventory = (name: "api" | "worker", more: readonly VariableName[]): Service => {
  const settings = [...OF_INVENTORY, ...more];
  const { port } = portOf(config, name);
  const calls = calledBy(settings);
  return { name, args: ["start", name], port, settings, calls, size: SIZES[name] };
};

const companion = (name: CompanionName): Service => {
  // A registry is in none.
  const settings = SETTINGS_OF[name].filter((one) => name !== "registry" || one !== "EUREKA_URL");
  const { port } = portOfCompanion(name, config);
  // The gateway is told by the registry where all others are.
  const others: readonly ServiceName[] = ["api", ...COMPANIONS];
  const calls = name === "gateway" ? others.filter((one) => one !== name) : calledBy(settings);
  return { name, args: ["start", name], port, settings, calls, size: SIZES[name] };
};

function calledBy(settings: readonly VariableName[]): readonly ServiceName[] {
  return [...new Set(settings.flatMap((variable) => NAMES[variable] ?? []))];
}

export const SERVICES: readonly Service[] = [
  inventory("api", OF_API),
  inventory("worker", []),
  ...COMPANIONS.map(companion),
];

const at = (name: ServiceName): string => {
  const port = SERVICES.find((service) => service.name === name)?.port;
  return `http://${name}:${port}`;
};

const GRACE_MS = 10_000;

/** What every process is given, secrets aside: the rest is as it is by default in production. */
export const SETTINGS: Partial<Record<VariableName, string>> = {
  USERS_URL: at("users"),
  PRODUCTS_URL: at("products"),
  ORDERS_URL: at("orders"),
  PAYMENT_URL: at("payment"),
  INVENTORY_URL: at("api"),
  JWKS_URL: `${at("users")}/.well-known/jwks.json`,
  // Nobody else is on the way: see the policies of the network.
  JWKS_HTTP: "1",
  JWT_ISSUER: "holdfast-users",
  JWT_AUDIENCE: "holdfast",
  // Who asks is told by the ingress and by the gateway, both in the network of the pods.
  TRUSTED_PROXIES: "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16",
  SHUTDOWN_GRACE_MS: `${GRACE_MS}`,
  LOG_LEVEL: "info",
};

/** A pod that goes is still sent requests until all nodes know of it, and serves for so long. */
export const NOTICE_SECONDS = 5;
/** What ends by itself in its grace is not killed. */
const MARGIN_SECONDS = 5;
export const TERMINATION_SECONDS = NOTICE_SECONDS + GRACE_MS / 1_000 + MARGIN_SECONDS;

/** What comes out of the one secret: of a service what it reads, under the same names. */
export function secretsOf({ settings }: Pick<Service, "settings">): readonly VariableName[] {
  const isSecret = ({ name, secret }: Variable): boolean =>
    secret === true && settings.some((setting) => setting === name);
  return VARIABLES.filter(isSecret).map(({ name }) => name);
}

/** Passwords of the servers, where they run in the cluster too. */
export const SERVER_SECRETS = ["REDIS_PASSWORD", "POSTGRES_PASSWORD"] as const;

/** Whether it registers where others are to find it. */
export const isAdvertised = ({ settings }: Service): boolean =>
  settings.includes("EUREKA_URL") && settings.includes("ADVERTISE_HOST");

/** What migrations and the commands of operators read. */
export const OF_MIGRATE: readonly VariableName[] = [
  ...COMMON_SETTINGS,
  "REDIS_URL",
  "DATABASE_URL",
].filter((name): name is VariableName => name !== "EUREKA_URL");
