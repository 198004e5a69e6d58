import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, VARIABLES, readConfig, type Variable } from "#config";
import { envExample } from "#test/env-example";

const folder = mkdtempSync(join(tmpdir(), "holdfast-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

const SAMPLE = "your-super-secret-jwt-key-change-this";
const SECRET = "uZ3vJ0q9yqv2wL8mB4kTnX7cR1eD5hGsPfAo6iVtWbE";

const production = {
  NODE_ENV: "production",
  REDIS_URL: "redis://redis:6379",
  DATABASE_URL: "postgres://holdfast:pw@postgres/holdfast",
  JWT_SECRET: SECRET,
};

type Environment = Record<string, string | undefined>;

/** Each refused variable with its problem, as `NAME: problem`. */
function refusalsOf(env: Environment): string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ variable, problem }) => `${variable}: ${problem}`);
  }
  return [];
}

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await Bun.write(path, content);
  return path;
}

describe("without any variable", () => {
  test("a development machine gets the documented defaults", () => {
    expect(readConfig({})).toEqual({
      production: false,
      host: "127.0.0.1",
      port: 3003,
      workerPort: 3013,
      dataDir: ".data",
      redisUrl: undefined,
      databaseUrl: undefined,
      jwtSecret: undefined,
      jwtSecretPrevious: undefined,
      jwksUrl: undefined,
      jwtIssuer: undefined,
      jwtAudience: undefined,
      reservationMinutes: 15,
      reservationMinutesMax: 1440,
      extensionsMax: 100,
      onExpired: "reject",
      partitions: 1,
      durability: "disk",
      ledgerChain: false,
      journalEntriesMax: 10_000_000,
      journalEntriesKept: 100_000,
      requestDeadlineMs: 5000,
      shutdownGraceMs: 10_000,
      ratePerCustomer: null,
      ratePerAddress: null,
      trustedProxies: [],
      contracts: undefined,
      contractsNeedTokens: false,
      contractsOpen: false,
      docsPublic: true,
      sampleData: true,
      eurekaUrls: [],
      registryPort: 8761,
      registryPassword: undefined,
      usersPort: 3001,
      gatewayPort: 3000,
      productsPort: 3002,
      ordersPort: 8000,
      paymentPort: 3004,
      usersUrl: "http://localhost:3001",
      productsUrl: "http://localhost:3002",
      ordersUrl: "http://localhost:8000",
      inventoryUrl: "http://localhost:3003",
      paymentUrl: "http://localhost:3004",
      serviceClientSecret: undefined,
      paymentSecret: undefined,
      paymentSecretPrevious: undefined,
      advertiseHost: undefined,
      advertisePort: undefined,
      productServiceUrl: undefined,
      metricsToken: undefined,
      importToken: undefined,
      reconcileCron: "0 3 * * *",
      retentionDays: 400,
      corsOrigins: [],
      logLevel: "info",
      warnings: [],
    });
  });

  test("an empty variable is an absent one", () => {
    const empty = Object.fromEntries(VARIABLES.map(({ name }) => [name, ""]));
    expect(readConfig(empty)).toEqual(readConfig({}));
  });
});

describe("in production", () => {
  test("the required variables suffice, and nothing is open by default", () => {
    expect(readConfig(production)).toMatchObject({
      production: true,
      host: "0.0.0.0",
      docsPublic: false,
      sampleData: false,
      contracts: ["inventory"],
      corsOrigins: [],
      warnings: [],
    });
  });

  test("a start without databases and keys is refused, all of it at once", () => {
    expect(refusalsOf({ NODE_ENV: "production" })).toEqual([
      expect.stringMatching(/^REDIS_URL: is required in production/),
      expect.stringMatching(/^DATABASE_URL: is required in production/),
      expect.stringMatching(/^JWT_SECRET: or JWKS_URL is required in production/),
    ]);
  });

  test("public keys do instead of a secret", () => {
    const keys = { ...production, JWT_SECRET: "", JWKS_URL: "https://id.example.com/keys" };
    expect(readConfig(keys).jwksUrl).toBe("https://id.example.com/keys");
    expect(refusalsOf({ ...keys, JWKS_URL: "http://id.example.com/keys" })).toEqual([
      "JWKS_URL: must be https:// in production; JWKS_HTTP=1 says that http: is meant",
    ]);
    const meant = { ...keys, JWKS_URL: "http://users:3001/keys", JWKS_HTTP: "1" };
    expect(readConfig(meant).jwksUrl).toBe("http://users:3001/keys");
  });

  test("a secret that anyone may know is refused", () => {
    const known = [
      SAMPLE,
      "a".repeat(64),
      "CHANGE_ME_CHANGE_ME_CHANGE_ME_1234567890",
      "development-key-do-not-use-in-production",
      "supersupersupersuper-jwt-secret-key",
      "0123456789abcdef0123456789abcdef",
    ];
    for (const secret of known) {
      expect(refusalsOf({ ...production, JWT_SECRET: secret })).toEqual([
        expect.stringMatching(/^JWT_SECRET: is a text that anyone may know/),
      ]);
    }
  });

  test("a secret that is too short is one problem, not two", () => {
    expect(refusalsOf({ ...production, JWT_SECRET: "secret" })).toEqual([
      expect.stringMatching(/^JWT_SECRET: must have at least 32 bytes, has 6; make one with/),
    ]);
  });

  test("sample data is refused", () => {
    expect(refusalsOf({ ...production, SAMPLE_DATA: "1" })).toEqual([
      expect.stringMatching(/^SAMPLE_DATA: must be 0 in production/),
    ]);
  });
});

const CRONS =
  "daily|@daily|* * *|* * * *|* * * * * * *|60 * * * *|0 24 * * *|0 3 0 * *|0 3 * 13 *|0 3 * * 8|0 3 31 2 *|61 0 3 * * *|*/0 * * * *|0 3 * *  *";
/** Several values of one variable, by `|`. */
const manyOf = (variable: string, values: string, allowed: string) =>
  values.split("|").map((value): [string, string, string] => [variable, value, allowed]);

describe("a value that does not fit is refused with what is allowed:", () => {
  const refused: [variable: string, value: string, allowed: string][] = [
    ["NODE_ENV", "prod", "one of: development, test, production"],
    ["PORT", "0x10", "a whole number from 0 to 65535"],
    ["PORT", " 80 ", "a whole number from 0 to 65535"],
    ["PORT", "1e3", "a whole number from 0 to 65535"],
    ["PORT", "65536", "a whole number from 0 to 65535"],
    ["PORT", "-1", "a whole number from 0 to 65535"],
    ["WORKER_PORT", "3013.5", "a whole number"],
    ["HOST", " localhost", "printable characters"],
    ["DATA_DIR", "data\n", "printable characters"],
    ["REDIS_URL", "localhost:6379", "a URL that starts with redis:// or rediss://"],
    ["DATABASE_URL", "mysql://localhost/x", "a URL that starts with postgres:// or postgresql://"],
    ["JWKS_URL", "file:///etc/passwd", "a URL that starts with https:// or http://"],
    ["JWT_SECRET", "x".repeat(31), "at least 32 bytes, has 31"],
    ["EUREKA_URL", "http://one:8761,two:8761", "URLs that start with https:// or http://"],
    ["ADVERTISE_HOST", "http://shop", "a host's name or address"],
    ["ADVERTISE_HOST", "[::1]", "a host's name or address"],
    ["ADVERTISE_PORT", "0", "a whole number from 1 to 65535"],
    ["PRODUCT_SERVICE_URL", "products:3001", "a URL that starts with https:// or http://"],
    ["METRICS_TOKEN", "short", "at least 16 bytes, has 5"],
    ["RESERVATION_MINUTES", "0", "a whole number from 1"],
    ["ON_EXPIRED", "extend", "one of: reject, reacquire"],
    ["PARTITIONS", "0", "a whole number from 1 to 1024"],
    ["DURABILITY", "gold", "one of: memory, disk, replica, ledger"],
    ["JOURNAL_KEEP_ENTRIES", "100001", "a whole number from 0 to 100000"],
    ["REQUEST_DEADLINE_MS", "10000", "a whole number from 100 to 9000"],
    ...manyOf(
      "RATE_PER_CUSTOMER",
      "0/1s|1/0s|10|10/s|10/1m|10001/1s|1000001/3600s|1/3601s|-1/1s",
      "100/10s",
    ),
    ["RATE_PER_ADDRESS", "many", "1 to 1000000 requests in 1 to 3600 seconds"],
    ...manyOf("TRUSTED_PROXIES", "10.0.0.1/33|10.0.0|proxy|fd00::/129|10.0.0.1/", "10.0.0.0/8"),
    ["CONTRACTS", "inventory,Soap", "words of small letters"],
    ["CONTRACTS", "inventory,,", "words of small letters"],
    ["CONTRACTS", "inventory,inventory", "each once"],
    ["CONTRACTS_AUTH", "yes", "one of: none, required"],
    ["CONTRACTS_OPEN", "yes", "1 or 0"],
    ["SAMPLE_DATA", "yes", "1 or 0"],
    ...manyOf("RECONCILE_CRON", CRONS, "0 3 * * *, or off"),
    ["RETENTION_DAYS", "6", "a whole number from 7 to 36500"],
    ["CORS_ORIGINS", "*", "origins such as https://shop.example.com"],
    ["CORS_ORIGINS", "https://shop.example.com/", "origins such as https://shop.example.com"],
    ["LOG_LEVEL", "verbose", "one of: debug, info, warn, error"],
  ];

  for (const [variable, value, allowed] of refused) {
    test(`${variable}=${JSON.stringify(value)}`, () => {
      const found = refusalsOf({ [variable]: value });
      expect(found).toHaveLength(1);
      expect(found[0]).toStartWith(`${variable}: must `);
      expect(found[0]).toContain(allowed);
    });
  }

  test("limits below what they limit, ports that collide, a previous secret alone", () => {
    const found = refusalsOf({
      RESERVATION_MINUTES: "20",
      RESERVATION_MINUTES_MAX: "10",
      JOURNAL_MAX_ENTRIES: "1000",
      WORKER_PORT: "3003",
      JWT_SECRET_PREVIOUS: SECRET,
    });
    expect(found).toEqual([
      "RESERVATION_MINUTES: must not be above RESERVATION_MINUTES_MAX (10); not 20",
      "JOURNAL_KEEP_ENTRIES: must not be above JOURNAL_MAX_ENTRIES (1000); not 100000",
      "WORKER_PORT: must differ from PORT (3003)",
      "JWT_SECRET_PREVIOUS: needs JWT_SECRET, which it precedes",
    ]);
  });
});

test("lists are read item by item", () => {
  const config = readConfig({
    CORS_ORIGINS: "https://shop.example.com, http://localhost:5173",
  });
  expect(config.corsOrigins).toEqual(["https://shop.example.com", "http://localhost:5173"]);
  expect(readConfig({ CONTRACTS: "other, inventory" }).contracts).toEqual(["other", "inventory"]);
  const { eurekaUrls } = readConfig({ EUREKA_URL: "http://one:8761, https://two/eureka" });
  expect(eurekaUrls).toEqual(["http://one:8761", "https://two/eureka"]);
});

describe("an error", () => {
  test("names every problem, in its message too, and never shows a secret", () => {
    const secrets = {
      REDIS_URL: "http://user:hunter2@redis",
      JWT_SECRET: "hunter2",
      METRICS_TOKEN: "hunter2",
    };
    expect(() => readConfig({ ...secrets, PORT: "x" })).toThrow(ConfigError);
    try {
      readConfig({ ...secrets, PORT: "x" });
    } catch (error) {
      const message = String(error);
      for (const name of [...Object.keys(secrets), "PORT"]) expect(message).toContain(`${name}: `);
      expect(message).not.toContain("hunter2");
    }
  });
});

describe("a secret's file", () => {
  test("is read for every secret, without the newline at its end", async () => {
    const secrets = VARIABLES.filter((variable: Variable) => variable.secret === true);
    expect(secrets.map(({ name }) => name)).toEqual([
      "REDIS_URL",
      "DATABASE_URL",
      "JWT_SECRET",
      "JWT_SECRET_PREVIOUS",
      "EUREKA_URL",
      "REGISTRY_PASSWORD",
      "SERVICE_CLIENT_SECRET",
      "PAYMENT_SECRET",
      "PAYMENT_SECRET_PREVIOUS",
      "METRICS_TOKEN",
      "IMPORT_TOKEN",
    ]);
    const config = readConfig({
      NODE_ENV: "production",
      REDIS_URL_FILE: await file("redis", "redis://redis:6379\n"),
      DATABASE_URL_FILE: await file("database", "postgres://db/holdfast\r\n"),
      JWT_SECRET_FILE: await file("secret", `${SECRET}\n`),
    });
    expect(config).toMatchObject({
      redisUrl: "redis://redis:6379",
      databaseUrl: "postgres://db/holdfast",
      jwtSecret: SECRET,
    });
  });

  test("that is missing or empty, or given beside the value, is refused", async () => {
    const empty = await file("empty", "\n");
    expect(refusalsOf({ JWT_SECRET_FILE: join(folder, "absent") })).toEqual([
      expect.stringMatching(/^JWT_SECRET_FILE: names a file that cannot be read \(ENOENT\)/),
    ]);
    expect(refusalsOf({ JWT_SECRET_FILE: empty })).toEqual([
      expect.stringMatching(/^JWT_SECRET_FILE: names an empty file/),
    ]);
    expect(refusalsOf({ JWT_SECRET: SECRET, JWT_SECRET_FILE: empty })).toEqual([
      expect.stringMatching(/^JWT_SECRET: is set, and JWT_SECRET_FILE too/),
    ]);
  });

  test("is no way to give what is not a secret", async () => {
    expect(readConfig({ PORT_FILE: await file("port", "99") }).port).toBe(3003);
  });
});

describe("a warning", () => {
  const warningsOf = (env: Environment) =>
    readConfig(env).warnings.map(({ variable, problem }) => `${variable}: ${problem}`);

  test("meets a misspelt name of ours, and no other name", () => {
    expect(warningsOf({ JWT_SECERT: "x", RESERVATION_MINUTE: "3", PROT: "1" })).toEqual([
      "JWT_SECERT: is unknown; did you mean JWT_SECRET?",
      "RESERVATION_MINUTE: is unknown; did you mean RESERVATION_MINUTES?",
      "PROT: is unknown; did you mean PORT?",
    ]);
    const usual = ["HOME", "PATH", "PWD", "HOSTNAME", "SHELL", "TERM", "LANG", "USER", "EDITOR"];
    expect(warningsOf(Object.fromEntries(usual.map((name) => [name, "x"])))).toEqual([]);
  });

  test("meets a sample secret outside production", () => {
    expect(warningsOf({ JWT_SECRET: SAMPLE })).toEqual([
      expect.stringMatching(/^JWT_SECRET: is a text that anyone may know/),
    ]);
  });
});

test(".env.example shows every variable with its default and meaning, and nothing else", () => {
  const shown = readFileSync(join(import.meta.dir, "..", ".env.example"), "utf8");
  expect(shown).toBe(envExample());
});
