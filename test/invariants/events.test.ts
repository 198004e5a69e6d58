/** The feed over HTTP with real processes: several partitions, writes that go on, two drains. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import postgres from "postgres";
import { z } from "zod";
import { Alerts, Events } from "#http/wire/answers";
import { Caller, type Answer } from "#test/caller";
import { evidence } from "#test/evidence";
import { startLoad } from "#test/load";
import { startRedis, testDatabase, type TestDatabase, type TestServer } from "#test/servers";
import { startService, tokenOf, type Service } from "#test/service";
import { until } from "#test/until";
import { EVENT_WAITERS_MAX } from "#inventory/event-tail";

const TEST_MS_MAX = 90_000;
const LOAD_MS = 4_000;
const PARTITIONS = 3;
const env = { PARTITIONS: String(PARTITIONS) };

let redis: TestServer;
let database: TestDatabase;
let service: Service;
let token: string;
let sql: postgres.Sql;

beforeAll(async () => {
  [redis, database] = await Promise.all([startRedis(), testDatabase()]);
  service = await startService({ redisUrl: redis.url, databaseUrl: database.url, env });
  token = await tokenOf("service", "follower");
  sql = postgres(database.url, { max: 1 });
}, TEST_MS_MAX);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await sql.end({ timeout: 1 });
  await database.drop();
  await redis.stop();
});

const ask = (query: string, url = service.url): Promise<Answer> =>
  new Caller(url).once({ method: "GET", path: `/events${query}`, token });
async function read(query: string, url = service.url) {
  const answer = await ask(query, url);
  if (answer.status !== 200) throw new Error(`${query}: ${JSON.stringify(answer.body)}`);
  return Events.parse(answer.body);
}
async function call(method: "POST" | "PATCH", path: string, body: object): Promise<Answer> {
  const admin = await tokenOf("admin", "ada");
  return await new Caller(service.url).call({ method, path, token: admin, body });
}
const initialize = (productId: string, initialStock: number) =>
  call("POST", "/initialize", { productId, sku: `sku-${productId}`, initialStock });
const adjust = (productId: string, quantity: number) =>
  call("PATCH", `/product/${productId}/stock`, { quantity });
const cursorNow = async (): Promise<string> => (await read("?after=latest")).cursor;

const waiters = async (): Promise<number> => {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  return Number(/^holdfast_event_waiters (\d+)$/m.exec(text)?.[1]);
};
const waiting = (count: number, withinMs = 5_000) =>
  until(async () => (await waiters()) === count, { withinMs, what: `${count} wait` });

interface Follower {
  readonly seen: string[];
  pages: number;
}

/** Follows until it is told that all is written and nothing comes any more. */
async function follow(query: string, urls: readonly string[], isOver: () => boolean) {
  const follower: Follower = { seen: [], pages: 0 };
  let after = "";
  for (;;) {
    const wasOver = isOver();
    // Any process answers any cursor; one that is away is asked again with the same one.
    const url = urls[follower.pages % urls.length];
    const page = await read(`?wait=1${query}${after}`, url).catch(() => null);
    if (page === null) continue;
    follower.pages += 1;
    follower.seen.push(...page.events.map(({ eventId }) => eventId));
    after = `&after=${page.cursor}`;
    if (wasOver && page.events.length === 0) return follower;
  }
}

const EventIds = z.array(z.object({ id: z.string() }));
/** All that the ledger has, partition by partition in order. */
async function ledgerEvents(isAlert: boolean): Promise<string[]> {
  const movements = isAlert ? sql`WHERE false` : sql``;
  const rows = await sql`
    SELECT 'p' || partition || '-' || seq || CASE WHEN number = 0 THEN '' ELSE '-' || number END AS id
    FROM (
      SELECT partition, seq, 0 AS number FROM movements ${movements}
      UNION ALL SELECT partition, seq, number FROM alerts
    ) AS events ORDER BY partition, seq, number`;
  return EventIds.parse([...rows]).map(({ id }) => id);
}
const byPartition = (seen: readonly string[]): string[] => {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => `p${partition}-`);
  return partitions.flatMap((prefix) => seen.filter((id) => id.startsWith(prefix)));
};

test(
  "who follows with the cursor hears all of several partitions once and in order, while writes go on",
  async () => {
    await using second = await startService({
      redisUrl: redis.url,
      databaseUrl: database.url,
      env,
    });
    const urls = [service.url, second.url];
    let isOver = false;
    const followers = [
      follow("&limit=7", urls, () => isOver),
      follow("&limit=1000", [second.url], () => isOver),
      follow("&limit=50&types=low,out,back_in_stock,gap,lag,fenced", urls, () => isOver),
    ];
    const options = { users: 12, products: 9, units: 30, perSecondMax: 400 };
    await using load = await startLoad({ url: service.url, ...options });
    const until4s = performance.now() + LOAD_MS;
    await until(() => performance.now() > until4s, { withinMs: 2 * LOAD_MS, what: "a while" });
    await second.kill();
    await second.restart();
    await load.stop();
    await call("POST", "/cleanup-expired", {});
    const settled = await until(
      async () => {
        const lists = new Caller(service.url);
        const { status, headers } = await lists.once({ method: "GET", path: "/products", token });
        return status === 200 && headers.get("ledger-lag") === null;
      },
      { withinMs: 10_000, what: "the ledger has all" },
    );
    expect(settled).toBe(true);
    isOver = true;
    const [slow, quick, alerts] = await Promise.all(followers);
    const all = await ledgerEvents(false);
    expect(byPartition(slow?.seen ?? [])).toEqual(all);
    expect(byPartition(quick?.seen ?? [])).toEqual(all);
    const onlyAlerts = await ledgerEvents(true);
    expect(byPartition(alerts?.seen ?? [])).toEqual(onlyAlerts);
    expect(onlyAlerts.length).toBeGreaterThan(0);
    const partitions = new Set(all.map((id) => id.slice(0, 3)));
    expect(partitions.size).toBe(PARTITIONS);
    evidence("followers of the feed", {
      events: all.length,
      alerts: onlyAlerts.length,
      pages: followers.length === 0 ? 0 : (slow?.pages ?? 0) + (quick?.pages ?? 0),
    });
  },
  TEST_MS_MAX,
);

test(
  "a sale to the threshold and to the last unit is an alert for who waits, and for who looks",
  async () => {
    await initialize("watched", 12);
    await until(async () => (await read("?limit=1000")).events.length > 0, {
      withinMs: 5_000,
      what: "it is in the feed",
    });
    const after = await cursorNow();
    const startedAt = performance.now();
    const waits = read(`?wait=8&types=low,out&after=${after}`);
    await waiting(1);
    await adjust("watched", -2);
    const page = await waits;
    expect(page.events).toMatchObject([{ type: "low", productId: "watched", units: 10 }]);
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    await adjust("watched", -10);
    const next = await read(`?wait=8&types=low,out&after=${page.cursor}`);
    expect(next.events).toMatchObject([{ type: "out", productId: "watched", units: 0 }]);
    const list = { method: "GET", path: "/alerts?productId=watched", token } as const;
    const { alerts } = Alerts.parse((await new Caller(service.url).once(list)).body);
    expect(alerts).toMatchObject([
      { kind: "out", open: true },
      { kind: "low", open: false },
    ]);
    expect(await waiters()).toBe(0);
  },
  TEST_MS_MAX,
);

test(
  "a caller who goes frees its place; of too many, the last is told to come back",
  async () => {
    const after = await cursorNow();
    const controllers = Array.from({ length: EVENT_WAITERS_MAX }, () => new AbortController());
    const answers = controllers.map(({ signal }) =>
      fetch(`${service.url}/api/inventory/events?wait=8&types=drift&after=${after}`, {
        headers: { authorization: `Bearer ${token}` },
        signal,
      }).then(
        ({ status }) => status,
        () => "gone",
      ),
    );
    await waiting(EVENT_WAITERS_MAX);
    const refused = await ask(`?wait=8&after=${after}`);
    expect([refused.status, refused.body]).toMatchObject([503, { code: "overloaded" }]);
    expect(refused.headers.get("retry-after")).not.toBeNull();
    for (const controller of controllers) controller.abort();
    // Far sooner than they would end by themselves.
    await waiting(0, 1_500);
    expect(new Set(await Promise.all(answers))).toEqual(new Set(["gone"]));
  },
  TEST_MS_MAX,
);

test(
  "when the process stops, who waits is answered at once",
  async () => {
    await using other = await startService({ redisUrl: redis.url, databaseUrl: database.url, env });
    const after = await cursorNow();
    const waits = Array.from({ length: 20 }, async () => {
      return await read(`?wait=8&types=drift&after=${after}`, other.url);
    });
    await until(
      async () => {
        const text = await (await fetch(`${other.url}/metrics`)).text();
        return text.includes("holdfast_event_waiters 20");
      },
      { withinMs: 3_000, what: "20 wait" },
    );
    const stoppedAt = performance.now();
    other.signal("SIGTERM");
    const pages = await Promise.all(waits);
    const ms = performance.now() - stoppedAt;
    expect(ms).toBeLessThan(1_500);
    for (const page of pages) expect(page.events).toEqual([]);
    expect(await other.exitCode()).toBe(0);
  },
  TEST_MS_MAX,
);
