/**
 * No secret reaches a log: every service runs with one of its own in each variable that is for one, at
 * the level `debug`, is sent tokens and passwords right and wrong, and loses both of its servers.
 */
import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { COMPANIONS } from "#compose/companion-settings";
import { VARIABLES, type Variable } from "#config/variables";
import { issueToken } from "#http/token";
import { randomId } from "#lib/ids";
import { createPostgres } from "#postgres/client";
import { startRedis, temporaryFolder, testDatabase } from "#test/servers";
import { launchService, runMain, type Service } from "#test/service";
import { until } from "#test/until";

const TEST_MS_MAX = 60_000;
const WITHIN_MS = 20_000;

const redis = await startRedis();
const database = await testDatabase();
const direct = new Redis(redis.url);
direct.on("error", () => undefined);
const sql = createPostgres(database.url, { connectionsMax: 1 });
const role = `keeper_${randomId(8).toLowerCase().replaceAll(/\W/g, "")}`;

/** What no line may have, by what it is. */
const secrets = new Map<string, string>();
const secret = (name: string): string => {
  const text = `s3cr3t${randomId(48)}`.replaceAll(/[^\w]/g, "x");
  secrets.set(name, text);
  return text;
};
const services = new Map<string, Service>();
const named = (url: string, user: string, password: string): string => {
  const parts = new URL(url);
  [parts.username, parts.password] = [user, password];
  return parts.href;
};

afterAll(async () => {
  await Promise.all(Array.from(services.values(), (service) => service.kill()));
  direct.disconnect();
  await sql.unsafe(`DROP OWNED BY ${role} CASCADE`);
  await sql.unsafe(`DROP ROLE ${role}`);
  await sql.end({ timeout: 1 });
  await database.drop();
  await redis.stop();
}, TEST_MS_MAX);

test(
  "no secret, token or password is in any line of any service, whatever fails",
  async () => {
    const [ofRedis, ofPostgres] = [secret("REDIS_URL"), secret("DATABASE_URL")];
    await direct.call("ACL", "SETUSER", role, "on", `>${ofRedis}`, "~*", "&*", "+@all");
    await sql.unsafe(`CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD '${ofPostgres}'`);
    const env: Record<string, string> = {
      LOG_LEVEL: "debug",
      // For who waits for a server that is gone, and for the end of that.
      REQUEST_DEADLINE_MS: "2000",
      SHUTDOWN_GRACE_MS: "3000",
      REDIS_URL: named(redis.url, role, ofRedis),
      DATABASE_URL: named(database.url, role, ofPostgres),
      SAMPLE_DATA: "1",
    };
    for (const name of [
      "JWT_SECRET",
      "JWT_SECRET_PREVIOUS",
      "REGISTRY_PASSWORD",
      "SERVICE_CLIENT_SECRET",
      "PAYMENT_SECRET",
      "PAYMENT_SECRET_PREVIOUS",
      "METRICS_TOKEN",
    ]) {
      env[name] = secret(name);
    }
    services.set("registry", launchService({ role: "registry", env }));
    // The second is nobody's: it is told of, too, and so is a password that is wrong.
    env["EUREKA_URL"] = [
      named("http://127.0.0.1:1/eureka", "registry", secret("EUREKA_URL")),
      named(`${services.get("registry")?.url}/eureka`, "registry", secret("a wrong password")),
    ].join();
    for (const name of COMPANIONS) {
      if (name !== "registry") services.set(name, launchService({ role: name, env }));
    }
    const users = services.get("users");
    const api = launchService({
      env: { ...env, JWKS_URL: `${users?.url}/.well-known/jwks.json` },
    });
    services.set("inventory", api);
    await Promise.all(Array.from(services.values(), (service) => service.ready()));

    const token = await issueToken({
      secret: env["JWT_SECRET"] ?? "",
      role: "admin",
      subject: "alice",
      ttlSeconds: 600,
    });
    secrets.set("a token", token);
    secrets.set("a token's signature", token.split(".")[2] ?? "");
    const said = await everythingSaid(token);
    expect(said.has(200)).toBe(true);
    expect(said.has(401)).toBe(true);

    const folder = temporaryFolder("import");
    writeFileSync(join(folder, "stock.csv"), "productId,quantity\np1,1\n");
    const importing = await runMain(
      ["import", "--from", "csv", "--url", api.url, join(folder, "stock.csv")],
      { ...env, IMPORT_TOKEN: secret("IMPORT_TOKEN") },
    );

    // Both servers refuse who was let in: what drivers say of that is logged.
    await direct.call("ACL", "SETUSER", role, "off");
    await direct.call("CLIENT", "KILL", "USER", role);
    await sql.unsafe(`ALTER ROLE ${role} NOLOGIN`);
    await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ${role}`;
    const failed = await everythingSaid(token);
    expect(failed.has(503)).toBe(true);
    await until(() => /Redis|redis/.test(api.output()) && /PostgreSQL|ledger/.test(api.output()), {
      withinMs: WITHIN_MS,
      what: "the log says that both are away",
    });
    await Promise.all(
      Array.from(services.values(), async (service) => {
        service.signal("SIGTERM");
        await service.exitCode();
      }),
    );

    const verifying = await runMain(["verify"], env);

    const ofAll = Array.from(services, ([name, service]) => [name, service.output()] as const);
    const outputs = [
      ...ofAll,
      ["import", importing.output] as const,
      ["verify", verifying.output] as const,
    ];
    for (const [name, output] of outputs) expect([name, output === ""]).toEqual([name, false]);
    expect(ofAll.some(([, output]) => / debug /.test(output))).toBe(true);
    const shown = outputs.flatMap(([name, output]) =>
      Array.from(secrets).flatMap(([what, text]) =>
        output.split("\n").flatMap((line) => (line.includes(text) ? [[what, name, line]] : [])),
      ),
    );
    expect(shown).toEqual([]);
    const lacking = VARIABLES.filter(
      ({ name, secret: isSecret }: Variable) => isSecret && !secrets.has(name),
    );
    expect(lacking.map(({ name }) => name)).toEqual([]);
  },
  TEST_MS_MAX,
);

const PATHS = [
  "/metrics",
  "/api/inventory/products",
  "/api/inventory/movements",
  "/api/products",
  "/api/orders",
  "/api/payments",
  "/api/auth/me",
  "/eureka/apps",
];

/** Sends each service tokens and passwords, right and wrong; answers the statuses that it heard. */
async function everythingSaid(token: string): Promise<ReadonlySet<number>> {
  const heard = new Set<number>();
  const say = async (url: string, init: RequestInit = {}): Promise<void> => {
    const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(WITHIN_MS) });
    heard.add(answer.status);
    await answer.text();
  };
  const json = { "content-type": "application/json" };
  const asked = Array.from(services, ([name, { url: at }]) =>
    PATHS.map(async (path) => {
      const wrong = secret(`a wrong token for ${name}${path}`);
      const basic = btoa(`registry:${secret(`a wrong password for ${name}${path}`)}`);
      secrets.set(`what ${name}${path} was sent`, basic);
      for (const authorization of [`Bearer ${token}`, `Bearer ${wrong}`, `Basic ${basic}`]) {
        await say(`${at}${path}`, { headers: { authorization } });
      }
      await say(`${at}${path}?token=${token}&access_token=${token}`);
    }),
  );
  const url = services.get("users")?.url ?? "";
  const account = { email: `${randomId(8)}@example.com`, name: "A" };
  const post = (path: string, body: string) =>
    say(`${url}/api/auth${path}`, { method: "POST", headers: json, body });
  const password = secret(`a password of ${account.email}`);
  await Promise.all(asked.flat());
  await post("/register", JSON.stringify({ ...account, password }));
  await post("/login", JSON.stringify({ email: account.email, password }));
  await post("/login", JSON.stringify({ email: account.email, password: secret("another") }));
  await post("/login", `{"email": "a@example.com", "password": "${secret("in no JSON")}`);
  const client = { grant_type: "client_credentials", client_id: "companions" };
  await post("/token", JSON.stringify({ ...client, client_secret: secret("a client's") }));
  const right = secrets.get("SERVICE_CLIENT_SECRET");
  await post("/token", JSON.stringify({ ...client, client_secret: right }));
  return heard;
}
