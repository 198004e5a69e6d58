import { refusals, warnings, type Problem } from "#config/rules";
import { codeOf, readSecretFile } from "#config/secrets";
import { SETTINGS, type Settings, type Texts } from "#config/settings";
import { VARIABLES, type Variable, type VariableName } from "#config/variables";

export { developmentSecret, developmentSecretFile } from "#config/secrets";
export type { Problem } from "#config/rules";
export type { Texts } from "#config/settings";
export { VARIABLES, type Variable, type VariableName } from "#config/variables";

/** Everything that is wrong with the environment, in one error whose message people can act on. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const lines = problems.map(({ variable, problem }) => `  ${variable}: ${problem}`);
    super(`The configuration cannot be used:\n${lines.join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

export type Config = ReturnType<typeof configFrom>;

type Environment = Readonly<Record<string, string | undefined>>;

/** What a command needs of the configuration. */
export interface Needs {
  /** It uses these alone: the others are as if they were absent, and none of them is missed. */
  readonly only?: readonly VariableName[];
  /** What is for others than the configuration to know, found together with the rest. */
  readonly also?: (texts: Texts, production: boolean) => readonly Problem[];
}

const ALL_SETTINGS: readonly VariableName[] = VARIABLES.map(({ name }) => name);

/** What signing a token, or sending one, takes. */
export const TOKEN_SETTINGS: readonly VariableName[] = [
  "NODE_ENV",
  "DATA_DIR",
  "JWT_SECRET",
  "JWT_SECRET_PREVIOUS",
  "JWKS_URL",
  "JWKS_HTTP",
  "JWT_ISSUER",
  "JWT_AUDIENCE",
];
/** What every process of ours reads, whatever it serves. */
export const COMMON_SETTINGS: readonly VariableName[] = [
  "NODE_ENV",
  "HOST",
  "DATA_DIR",
  "SHUTDOWN_GRACE_MS",
  "LOG_LEVEL",
  "EUREKA_URL",
  "ADVERTISE_HOST",
];
/** Settings of what calls the service beside it. */
export const CALLER_SETTINGS: readonly VariableName[] = [...TOKEN_SETTINGS, "PORT", "IMPORT_TOKEN"];

/**
 * Reads the whole configuration, once, at the start. An empty variable counts as absent, as
 * compose files write it. Throws one ConfigError that lists every problem.
 */
export const readConfig = (env: Environment = process.env): Config => readConfigFor({}, env);

/** Before the configuration is read, and when it cannot be. */
export const isProduction = (env: Environment = process.env): boolean =>
  env["NODE_ENV"] === "production";

/** What any program of ours needs of the environment beside the settings. */
export function surroundings(env: Environment = process.env): Record<string, string> {
  const names = ["PATH", "HOME", "TMPDIR", "LANG"];
  return Object.fromEntries(
    names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  );
}

/** The text of every setting, fallbacks included: read by another process, it is the same. */
export const readTexts = (env: Environment = process.env): Texts => gather(env, ALL_SETTINGS).texts;

/** As `readConfig`, for a command that needs less of it, or more. */
export function readConfigFor(needs: Needs, env: Environment = process.env): Config {
  const { only = ALL_SETTINGS, also = () => [] } = needs;
  const { texts, problems } = gather(env, only);
  const settings = SETTINGS.safeParse(texts);
  if (!settings.success) problems.push(...settings.error.issues.map(worded(texts)));
  problems.push(...refusals(texts, only));
  // What cannot be read is one problem, and what it might have meant is not another.
  const known = new Set(problems.map(({ variable }) => variable));
  problems.push(...also(texts, isProduction(env)).filter(({ variable }) => !known.has(variable)));
  if (!settings.success || problems.length > 0) throw new ConfigError(problems);
  return configFrom(settings.data, warnings(env, texts));
}

function configFrom(settings: Settings, found: readonly Problem[]) {
  return Object.freeze({
    production: settings.NODE_ENV === "production",
    host: settings.HOST,
    /** 0: any free port. */
    port: settings.PORT,
    workerPort: settings.WORKER_PORT,
    dataDir: settings.DATA_DIR,
    /** Absent, outside production only: start an embedded one. */
    redisUrl: settings.REDIS_URL,
    /** Absent, outside production only: start an embedded one. */
    databaseUrl: settings.DATABASE_URL,
    /** Absent together with `jwksUrl`, outside production only: use `developmentSecret`. */
    jwtSecret: settings.JWT_SECRET,
    jwtSecretPrevious: settings.JWT_SECRET_PREVIOUS,
    jwksUrl: settings.JWKS_URL,
    jwtIssuer: settings.JWT_ISSUER,
    jwtAudience: settings.JWT_AUDIENCE,
    reservationMinutes: settings.RESERVATION_MINUTES,
    reservationMinutesMax: settings.RESERVATION_MINUTES_MAX,
    extensionsMax: settings.EXTENSIONS_MAX,
    onExpired: settings.ON_EXPIRED,
    partitions: settings.PARTITIONS,
    durability: settings.DURABILITY,
    /** The same in every worker of a store: two settings begin and end the chain in turn. */
    ledgerChain: settings.LEDGER_CHAIN,
    journalEntriesMax: settings.JOURNAL_MAX_ENTRIES,
    journalEntriesKept: settings.JOURNAL_KEEP_ENTRIES,
    requestDeadlineMs: settings.REQUEST_DEADLINE_MS,
    shutdownGraceMs: settings.SHUTDOWN_GRACE_MS,
    /** Absent: all there are. */
    contracts: settings.CONTRACTS,
    /** Whether contracts that know no authentication demand a token for changes. */
    contractsNeedTokens: settings.CONTRACTS_AUTH === "required",
    /** Whether it is meant that they take changes from everybody, in production. */
    contractsOpen: settings.CONTRACTS_OPEN,
    /** Whether the documents of the API are for everybody, or for admins. */
    docsPublic: settings.DOCS_PUBLIC,
    sampleData: settings.SAMPLE_DATA,
    /** Empty: there is no registry to register with. */
    eurekaUrls: settings.EUREKA_URL ?? [],
    registryPort: settings.REGISTRY_PORT,
    /** Absent, outside production only: the registry asks nobody who they are. */
    registryPassword: settings.REGISTRY_PASSWORD,
    usersPort: settings.USERS_PORT,
    gatewayPort: settings.GATEWAY_PORT,
    productsPort: settings.PRODUCTS_PORT,
    ordersPort: settings.ORDERS_PORT,
    paymentPort: settings.PAYMENT_PORT,
    usersUrl: settings.USERS_URL,
    productsUrl: settings.PRODUCTS_URL,
    ordersUrl: settings.ORDERS_URL,
    inventoryUrl: settings.INVENTORY_URL,
    paymentUrl: settings.PAYMENT_URL,
    /** Absent, outside production only: one of the data folder. */
    serviceClientSecret: settings.SERVICE_CLIENT_SECRET,
    /** Absent, outside production only: one of the data folder. */
    paymentSecret: settings.PAYMENT_SECRET,
    paymentSecretPrevious: settings.PAYMENT_SECRET_PREVIOUS,
    advertiseHost: settings.ADVERTISE_HOST,
    advertisePort: settings.ADVERTISE_PORT,
    productServiceUrl: settings.PRODUCT_SERVICE_URL,
    metricsToken: settings.METRICS_TOKEN,
    importToken: settings.IMPORT_TOKEN,
    /** null: no comparison comes by itself. */
    reconcileCron: settings.RECONCILE_CRON.pattern,
    /** Of what has ended; movements are put away by a command alone. */
    retentionDays: settings.RETENTION_DAYS,
    ratePerCustomer: settings.RATE_PER_CUSTOMER ?? null,
    ratePerAddress: settings.RATE_PER_ADDRESS ?? null,
    trustedProxies: settings.TRUSTED_PROXIES ?? [],
    corsOrigins: settings.CORS_ORIGINS ?? [],
    logLevel: settings.LOG_LEVEL,
    /** For the log at the start: what was not refused but looks like a mistake. */
    warnings: found,
  });
}

/** The text of every variable: from the environment, a secret's file, or the fallback. */
function gather(env: Environment, only: readonly VariableName[]) {
  const texts: Partial<Record<VariableName, string>> = {};
  const problems: Problem[] = [];
  for (const variable of VARIABLES) {
    const { name, secret, fallback, productionFallback }: Variable = variable;
    const isUsed = only.includes(variable.name);
    const path = secret && isUsed ? env[`${name}_FILE`] || undefined : undefined;
    const direct = isUsed ? env[name] || undefined : undefined;
    if (path !== undefined && direct !== undefined) {
      problems.push({ variable: name, problem: `is set, and ${name}_FILE too; keep one of them` });
    }
    const value =
      direct ??
      (path === undefined ? undefined : secretFrom(path, `${name}_FILE`, problems)) ??
      (isProduction(env) ? (productionFallback ?? fallback) : fallback);
    if (value !== undefined) texts[variable.name] = value;
  }
  return { texts, problems };
}

function secretFrom(path: string, variable: string, problems: Problem[]): string | undefined {
  try {
    const secret = readSecretFile(path);
    if (secret !== "") return secret;
    problems.push({ variable, problem: `names an empty file: ${path}` });
  } catch (error) {
    problems.push({
      variable,
      problem: `names a file that cannot be read (${codeOf(error)}): ${path}`,
    });
  }
  return undefined;
}

/** `must be …, not "…"`, without the value where it is a secret's. */
function worded(texts: Texts) {
  return (issue: { path: PropertyKey[]; message: string }): Problem => {
    const variable = VARIABLES.find(({ name }) => name === issue.path[0]);
    if (!variable) return { variable: issue.path.join("."), problem: issue.message };
    const { name, secret }: Variable = variable;
    const value = secret ? "" : `; not ${JSON.stringify(texts[variable.name])}`;
    return { variable: name, problem: `${issue.message}${value}` };
  };
}
