import { afterAll, beforeAll, expect, test } from "bun:test";
import { Redis } from "ioredis";
import { Alerts } from "#http/wire/answers";
import { Caller } from "#test/caller";
import { startRedis, testDatabase, type TestDatabase, type TestServer } from "#test/servers";
import { startService, tokenOf, type Service } from "#test/service";
import { until } from "#test/until";

const TEST_MS_MAX = 60_000;
/** A process looks every 2 s. */
const NOTICED_MS_MAX = 8_000;

let server: TestServer;
let database: TestDatabase;
let redis: Redis;
let api: Service;
let token: string;

beforeAll(async () => {
  [server, database] = await Promise.all([startRedis(), testDatabase()]);
  redis = new Redis(server.url);
  api = await startService({ redisUrl: server.url, databaseUrl: database.url, role: "api" });
  token = await tokenOf("admin", "ada");
}, TEST_MS_MAX);
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  redis.disconnect();
  await server.stop();
  await database.drop();
});

const told = (count: number) =>
  until(
    async () => {
      const path = "/alerts";
      const { body } = await new Caller(api.url).call({ method: "GET", path, token });
      const { alerts } = Alerts.parse(body);
      return alerts.length === count && alerts;
    },
    { withinMs: NOTICED_MS_MAX, what: `${count} alerts` },
  );

test(
  "a ledger that is far behind is an alert, and so is its end",
  async () => {
    // Without a worker nothing drains; as if 60 000 movements had waited.
    await redis.hset("{p0}:meta", "drained", "-60000");
    expect(await told(1)).toMatchObject([{ kind: "lag", units: 60_000, open: true }]);
    await redis.hset("{p0}:meta", "drained", "0");
    expect(await told(2)).toMatchObject([
      { kind: "lag_over", open: false },
      { kind: "lag", open: false },
    ]);
  },
  TEST_MS_MAX,
);

test(
  "a drain that finds a gap leaves an alert, which says where",
  async () => {
    const body = { productId: "p1", sku: "s1", initialStock: 1 };
    const send = (method: "POST" | "PATCH", path: string, sent: object) =>
      new Caller(api.url).call({ method, path, token, body: sent });
    await send("POST", "/initialize", body);
    await send("PATCH", "/product/p1/stock", { quantity: 1 });
    const [first] = await redis.xrange("{p0}:journal", "-", "+");
    await redis.xdel("{p0}:journal", first?.[0] ?? "");
    const servers = { redisUrl: server.url, databaseUrl: database.url };
    await using worker = await startService({ ...servers, role: "worker" });
    const [gap] = await told(3);
    expect(gap).toMatchObject({ kind: "gap", seq: 0, open: true });
    expect(gap?.detail).toContain("begins with movement 2");
    expect(worker.output()).toContain("the drain stopped");
  },
  TEST_MS_MAX,
);

test(
  "a partition that is fenced is an alert, which can be read meanwhile",
  async () => {
    await redis.hset("{p0}:meta", "fence", "token-of-a-rebuild");
    const path = "/initialize";
    const body = { productId: "p2", sku: "s2", initialStock: 1 };
    const send = () => new Caller(api.url).once({ method: "POST", path, token, body });
    await until(async () => (await send()).status === 503, { withinMs: 5_000, what: "fenced" });
    expect((await told(4))[0]).toMatchObject({ kind: "fenced", partition: 0, open: true });
  },
  TEST_MS_MAX,
);
