import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { Caller, inventoryOf } from "#test/caller";
import { startFaultyProxy } from "#test/faulty-proxy";
import { redisWire } from "#test/redis-proxy";
import { removeFolder, startRedis, temporaryFolder, testDatabase } from "#test/servers";
import { isRunning, launchService, runMain, runningIn, startService, tokenOf } from "#test/service";
import { until } from "#test/until";

const GONE_MS_MAX = 10_000;
/** The claim is 3 s on an idle machine; here tests run beside. */
const WARM_MS_MAX = 10_000;
const TEST_MS_MAX = 60_000;

const folder = temporaryFolder("start");
/** One data folder for all: what one start leaves, the next must find. */
const env = { DATA_DIR: join(folder, "data") };
afterAll(() => removeFolder(folder));

/** Redis, and PostgreSQL with its children. */
const serversOf = (): number[] => runningIn(env.DATA_DIR);

const nothingRuns = (): Promise<unknown> =>
  until(() => serversOf().length === 0, { withinMs: GONE_MS_MAX, what: "no server is left" });

const admin = await tokenOf("admin", "administrator");
const kept = { method: "GET", path: "/product/kept", token: admin } as const;

test(
  "start prints where it serves, which Redis and PostgreSQL, and how to get a token",
  async () => {
    await using service = await startService({ env });
    await until(() => service.output().includes("a token:"), {
      withinMs: 5_000,
      what: "it says so",
    });
    const output = service.output();
    expect(output).toMatch(
      /serving +role all, contracts inventory, .* on http:\/\/localhost:\d+ \(after [\d.]+ s\)/,
    );
    expect(output).toMatch(/Redis +redis:\/\/127\.0\.0\.1:\d+ \(own, data in .*\)/);
    expect(output).toMatch(
      /PostgreSQL +postgres:\/\/127\.0\.0\.1:\d+\/holdfast \(own, data in .*\)/,
    );
    expect(output).toMatch(/comparison +of Redis and the ledger: next \d{4}-.*T03:00:00\.000Z/);
    expect(output).toContain("bun run token --role admin");
    for (const name of ["redis", "postgres"]) {
      const password = readFileSync(join(env.DATA_DIR, `${name}.password`), "utf8").trim();
      expect(password.length).toBeGreaterThan(0);
      expect(output).not.toContain(password);
    }
    const body = { productId: "kept", sku: "KEPT", initialStock: 7 };
    const make = { method: "POST", path: "/initialize", token: admin, body } as const;
    expect((await new Caller(service.url).once(make)).status).toBe(201);
  },
  TEST_MS_MAX,
);

test.each(["SIGTERM", "SIGINT"] as const)(
  "data survives %s and a warm start, and no server outlives the process",
  async (signal) => {
    const startedAt = performance.now();
    await using service = await startService({ env });
    const warmMs = Math.round(performance.now() - startedAt);
    expect(warmMs).toBeLessThan(WARM_MS_MAX);
    expect(inventoryOf(await new Caller(service.url).once(kept)).totalStock).toBe(7);
    expect(serversOf().length).toBeGreaterThan(1);
    service.signal(signal);
    expect(await service.exitCode()).toBe(0);
    expect(serversOf()).toEqual([]);
    console.log(`warm start: ${warmMs} ms`);
  },
  TEST_MS_MAX,
);

test(
  "data survives kill -9, and no server outlives the process",
  async () => {
    await using service = await startService({ env });
    expect(serversOf().length).toBeGreaterThan(1);
    await service.kill();
    await nothingRuns();
    await service.restart();
    expect(inventoryOf(await new Caller(service.url).once(kept)).totalStock).toBe(7);
  },
  TEST_MS_MAX,
);

test(
  "Ctrl-C while it is still starting leaves nothing running",
  async () => {
    await using service = launchService({ env });
    await until(() => serversOf().length > 0, { withinMs: 10_000, what: "a server starts" });
    service.signal("SIGINT");
    await service.exitCode();
    await nothingRuns();
  },
  TEST_MS_MAX,
);

test(
  "a start while the one before is still stopping waits for it, and serves from servers of its own",
  async () => {
    await using first = await startService({ env });
    const before = serversOf();
    first.signal("SIGTERM");
    await using second = launchService({ env });
    await second.ready();
    expect(await first.exitCode()).toBe(0);
    expect(before.length).toBeGreaterThan(1);
    expect(before.filter(isRunning)).toEqual([]);
    expect(serversOf().length).toBeGreaterThan(1);
    expect(inventoryOf(await new Caller(second.url).once(kept)).totalStock).toBe(7);
    const body = { quantity: 1, orderId: crypto.randomUUID() };
    const path = "/product/kept/reserve";
    const hold = { method: "POST", path, token: admin, body } as const;
    expect((await new Caller(second.url).once(hold)).status).toBe(201);
  },
  TEST_MS_MAX,
);

test(
  "a process that shares the servers of another ends, with the reason, when that one ends",
  async () => {
    await using owner = await startService({ env, role: "api" });
    await using guest = await startService({ env, role: "worker" });
    owner.signal("SIGTERM");
    expect(await owner.exitCode()).toBe(0);
    expect(await guest.exitCode()).toBe(1);
    expect(guest.output()).toContain(`process ${owner.pid}, which ran Redis and PostgreSQL for us`);
    expect(guest.output()).toContain(`(of process ${owner.pid}, data in ${env.DATA_DIR})`);
    for (const service of [owner, guest]) {
      expect(service.output()).not.toMatch(/^ +at /m);
      expect(service.output().trim().split("\n").at(-1)).toMatch(/ info +stopped exitCode=[01]$/);
    }
  },
  TEST_MS_MAX,
);

test(
  "a start does not say that the journal cannot be drained while its connection is being made",
  async () => {
    await using redis = await startRedis();
    await using database = await testDatabase();
    const isGreeting = (command: Buffer): boolean => command.includes("holdfast-drain-0");
    await using proxy = await startFaultyProxy({
      ...redisWire(redis.url),
      choose: (command) => (isGreeting(command) ? "delay" : "pass"),
      delayMs: () => 500,
    });
    const urls = { redisUrl: proxy.url, databaseUrl: database.url };
    await using service = await startService(urls);
    const body = { productId: "p1", sku: "P1", initialStock: 7 };
    const make = { method: "POST", path: "/initialize", token: admin, body } as const;
    expect((await new Caller(service.url).once(make)).status).toBe(201);
    const sql = postgres(database.url, { max: 1 });
    await until(async () => (await sql`SELECT FROM movements`).length === 1, {
      withinMs: 5_000,
      what: "it is drained",
    });
    await sql.end();
    expect(proxy.faults.get("delay")).toBeGreaterThan(0);
    expect(service.output()).not.toContain("cannot be drained");
    await service.kill();
  },
  TEST_MS_MAX,
);

describe("a start that is refused says why in one line, exits with 1 and leaves nothing running:", () => {
  test(
    "the port is in use",
    async () => {
      using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
      const service = launchService({ env: { ...env, PORT: String(taken.port) } });
      expect(await service.exitCode()).toBe(1);
      const lines = service.output().trim().split("\n");
      const why = "it is in use, or needs rights that this user lacks; PORT names another one";
      expect(lines).toEqual([`cannot listen on 127.0.0.1:${taken.port}: ${why}`]);
      const DATA_DIR = join(folder, "unborn");
      const worker = launchService({
        role: "worker",
        env: { DATA_DIR, WORKER_PORT: String(taken.port) },
      });
      expect(await worker.exitCode()).toBe(1);
      expect(worker.output()).toContain("WORKER_PORT names another one");
      const many = launchService({
        role: "api",
        workers: 2,
        env: { DATA_DIR, PORT: String(taken.port) },
      });
      expect(await many.exitCode()).toBe(1);
      expect(many.output()).toBe(`${lines[0]}\n`);
      expect(existsSync(DATA_DIR)).toBe(false);
    },
    TEST_MS_MAX,
  );

  test(
    "PARTITIONS is not what the store was created with",
    async () => {
      const service = launchService({ env: { ...env, PARTITIONS: "2" } });
      expect(await service.exitCode()).toBe(1);
      const output = service.output();
      expect(output).toContain("this store was created with 1 partitions, and PARTITIONS is 2");
      expect(output).not.toMatch(/^ +at /m);
      await nothingRuns();
    },
    TEST_MS_MAX,
  );

  test(
    "Redis may evict",
    async () => {
      await using redis = await startRedis({ settings: { "maxmemory-policy": "allkeys-lru" } });
      await using database = await testDatabase();
      const service = launchService({ redisUrl: redis.url, databaseUrl: database.url });
      expect(await service.exitCode()).toBe(1);
      expect(service.output()).toContain("maxmemory-policy is allkeys-lru");
      expect(service.output()).not.toMatch(/^ +at /m);
    },
    TEST_MS_MAX,
  );
});

test("production without servers and secret is refused with every problem at once", async () => {
  const { code, output } = await runMain(["start"], { NODE_ENV: "production", SAMPLE_DATA: "1" });
  expect(code).not.toBe(0);
  expect(JSON.parse(output)).toMatchObject({
    message: "the service does not start",
    problems: ["REDIS_URL", "DATABASE_URL", "JWT_SECRET", "SAMPLE_DATA"].map((variable) => {
      return { variable };
    }),
  });
});
