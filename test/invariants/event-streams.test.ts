/** Streams of events with real processes: what their readers hear while both ends die and come back. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import postgres from "postgres";
import { z } from "zod";
import { Event } from "#http/wire/answers";
import { Caller } from "#test/caller";
import { evidence } from "#test/evidence";
import { startLoad } from "#test/load";
import {
  createDatabase,
  startPostgres,
  startRedis,
  type TestDatabase,
  type TestServer,
} from "#test/servers";
import { startService, tokenOf, type Service } from "#test/service";
import { readStream, type StreamReader } from "#test/sse";
import { until } from "#test/until";

const TEST_MS_MAX = 120_000;
const PHASE_MS = 1_000;
const SETTLED_MS_MAX = 30_000;
const PARTITIONS = 3;
const PATH = "/api/inventory/events";

let redis: TestServer;
let server: TestServer;
let database: TestDatabase;
let services: readonly [Service, Service];
let token: string;

beforeAll(async () => {
  [redis, server] = await Promise.all([startRedis(), startPostgres()]);
  database = await createDatabase(server);
  const options = {
    redisUrl: redis.url,
    databaseUrl: database.url,
    env: { PARTITIONS: `${PARTITIONS}` },
  };
  const first = await startService(options);
  services = [first, await startService(options)];
  token = await tokenOf("service", "dashboard");
}, TEST_MS_MAX);
afterAll(async () => {
  for (const service of services) await service[Symbol.asyncDispose]();
  await server.stop();
  await redis.stop();
});

/** As an EventSource goes on: with the last id it was sent, at whichever process answers. */
class Dashboard {
  readonly heard: Event[] = [];
  streams = 0;
  isOver = false;
  #lastId = "";
  #reader: StreamReader | null = null;
  readonly done: Promise<void>;

  constructor(query: string, urls: readonly string[]) {
    this.done = this.#follow(query, urls);
  }

  get lastId(): string {
    return this.#reader?.lastId() ?? this.#lastId;
  }

  end(): void {
    this.isOver = true;
    this.#reader?.close();
  }

  async #follow(query: string, urls: readonly string[]): Promise<void> {
    for (let turn = 0; !this.isOver; turn += 1) {
      const url = `${urls[turn % urls.length]}${PATH}${query}`;
      const reader = await readStream(url, { token, lastId: this.#lastId }).catch(() => null);
      if (reader?.status !== 200) {
        await new Promise(setImmediate);
        continue;
      }
      this.streams += 1;
      this.#reader = reader;
      await reader.ended;
      this.#lastId = reader.lastId();
      this.#reader = null;
      this.heard.push(...reader.told.map(({ data }) => Event.parse(JSON.parse(data))));
    }
  }
}

const EventIds = z.array(z.object({ id: z.string() }));
async function ledgerEvents(condition: string): Promise<string[]> {
  const sql = postgres(database.url, { max: 1 });
  try {
    const rows = await sql.unsafe(`
      SELECT 'p' || partition || '-' || seq || CASE WHEN number = 0 THEN '' ELSE '-' || number END AS id
      FROM (
        SELECT partition, seq, 0 AS number, product_id FROM movements
        UNION ALL SELECT partition, seq, number, product_id FROM alerts
      ) AS events WHERE ${condition} ORDER BY partition, seq, number`);
    return EventIds.parse([...rows]).map(({ id }) => id);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
const byPartition = ({ heard }: Dashboard): string[] => {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  return partitions.flatMap((own) =>
    heard.filter(({ partition }) => partition === own).map(({ eventId }) => eventId),
  );
};
const aWhile = async (): Promise<void> => {
  const end = performance.now() + PHASE_MS;
  await until(() => performance.now() > end, { withinMs: 2 * PHASE_MS, what: "a while" });
};

test(
  "a reader hears all once and in order, while its process and PostgreSQL are killed and come back",
  async () => {
    const [first, second] = services;
    const urls = [first.url, second.url];
    const all = new Dashboard("", urls);
    const killed = new Dashboard("", [second.url]);
    const alerts = new Dashboard("?types=low,out,back_in_stock", urls);
    await using load = await startLoad({
      url: first.url,
      users: 10,
      products: 6,
      units: 60,
      perSecondMax: 300,
      withoutLedger: true,
    });
    const [productId = ""] = load.productIds;
    const product = new Dashboard(`?productId=${productId}`, urls);
    const dashboards = [all, killed, alerts, product];
    await aWhile();
    await second.kill();
    await aWhile();
    await second.restart();
    await server.kill();
    await aWhile();
    await server.restart();
    await aWhile();
    second.signal("SIGTERM");
    await second.exitCode();
    await second.restart();
    await load.stop();
    const admin = await tokenOf("admin", "ada");
    const caller = new Caller(first.url);
    await caller.call({ method: "POST", path: "/cleanup-expired", token: admin, body: {} });
    await until(
      async () => {
        const lists = { method: "GET", path: "/products", token } as const;
        const { status, headers } = await caller.once(lists);
        return status === 200 && headers.get("ledger-lag") === null;
      },
      { withinMs: SETTLED_MS_MAX, what: "the ledger has all" },
    );
    const headers = { authorization: `Bearer ${token}` };
    const isAtEnd = async (): Promise<boolean> => {
      const latest = await fetch(`${first.url}${PATH}?after=latest`, { headers });
      const { cursor } = z.object({ cursor: z.string() }).parse(await latest.json());
      return dashboards.every(({ lastId }) => lastId === cursor);
    };
    await until(isAtEnd, { withinMs: SETTLED_MS_MAX, what: "all are told the end" });
    for (const dashboard of dashboards) dashboard.end();
    await Promise.all(dashboards.map(({ done }) => done));
    const events = await ledgerEvents("true");
    const products = [...new Set(all.heard.map((event) => event.productId))];
    expect(byPartition(all)).toEqual(events);
    expect(byPartition(killed)).toEqual(events);
    expect(byPartition(alerts)).toEqual(await ledgerEvents("number = 1"));
    expect(byPartition(product)).toEqual(await ledgerEvents(`product_id = '${productId}'`));
    expect(killed.streams).toBeGreaterThanOrEqual(3);
    evidence("streams of events", {
      events: events.length,
      alerts: alerts.heard.length,
      ofProduct: product.heard.length,
      streams: dashboards.reduce((sum, { streams }) => sum + streams, 0),
      products: products.length,
    });
    expect(product.heard.length).toBeGreaterThan(0);
  },
  TEST_MS_MAX,
);
