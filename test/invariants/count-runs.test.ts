/** Counts by the ten thousand, over real processes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { ProductId, totalsOf } from "#inventory/model";
import { processClock } from "#lib/clock";
import { randomId } from "#lib/ids";
import { startRedis, testDatabase } from "#test/servers";
import { startService, tokenOf } from "#test/service";
import { openStoresOf } from "#test/stores";
import { until } from "#test/until";

const TEST_MS_MAX = 120_000;
const RUN_MS_MAX = 60_000;
const PRODUCTS = 5_000;
const BULK = 500;
const INITIAL = 50;
const PARTITIONS = "2";
/** A number far from any that these tests come to. */
const QUARANTINED = 1_000_000;

const Asked = z.object({ id: z.string() });
const Run = z.object({
  id: z.string(),
  status: z.string(),
  pass: z.string(),
  progress: z.int(),
  rows: z.int(),
  done: z.int(),
  succeeded: z.int(),
  differing: z.int(),
  failed: z.int(),
  error: z.string().nullable(),
  errors: z.array(z.object({ row: z.int(), productId: z.string().nullable(), code: z.string() })),
  nextCursor: z.string().nullable(),
});
type Run = z.output<typeof Run>;

async function startAll() {
  const [redis, database] = await Promise.all([startRedis(), testDatabase()]);
  const servers = { redisUrl: redis.url, databaseUrl: database.url, env: { PARTITIONS } };
  const api = await startService({ ...servers, role: "api" });
  const worker = await startService({ ...servers, role: "worker" });
  const stores = await openStoresOf(redis.url, database.url, { PARTITIONS });
  const token = await tokenOf("admin", "ada");
  const call = async (
    path: string,
    body?: string | object,
    type = "application/json",
    key = randomId(8),
  ) =>
    await fetch(`${api.url}/api/inventory${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": type, "idempotency-key": key },
      ...(body === undefined
        ? {}
        : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  const read = async (id: string, query = ""): Promise<Run> =>
    Run.parse(await (await call(`/counts/runs/${id}${query}`)).json());
  return {
    worker,
    stores,
    call,
    read,
    async initialize(many: number): Promise<string[]> {
      const ids = Array.from({ length: many }, () => randomId(10));
      for (let from = 0; from < many; from += BULK) {
        const items = ids.slice(from, from + BULK).map((productId) => {
          return { productId, sku: `SKU-${productId}`, initialStock: INITIAL, location: "A" };
        });
        const answer = await call("/bulk/initialize", { items });
        expect(answer.status).toBe(200);
        await answer.body?.cancel();
      }
      return ids;
    },
    async start(
      query: string,
      body: string | object,
      type?: string,
      key?: string,
    ): Promise<string> {
      const answer = await call(`/counts/runs?${query}`, body, type, key);
      const json: unknown = await answer.json();
      expect([answer.status, json]).toEqual([202, expect.anything()]);
      return Asked.parse(json).id;
    },
    ended: (id: string): Promise<Run> =>
      until(
        async () => {
          const run = await read(id, "?limit=500");
          return ["completed", "rejected", "failed"].includes(run.status) && run;
        },
        { withinMs: RUN_MS_MAX, what: "the run has ended" },
      ),
    async unitsOf(ids: readonly string[]): Promise<number[]> {
      const soon = processClock.now() + 5_000;
      const found = ids.map((id) => stores.store.product(ProductId.parse(id), soon));
      return (await Promise.all(found)).map((product) =>
        product === null ? -1 : totalsOf(product).onHand,
      );
    },
    /** How often each was counted, by the ledger. */
    async countsOf(ids: readonly string[]): Promise<number[]> {
      const rows = await stores.sql.unsafe(
        `SELECT product_id, count(*)::int AS times FROM movements WHERE type = 'COUNT'
          GROUP BY product_id`,
      );
      const times = new Map(rows.map((row) => [String(row["product_id"]), Number(row["times"])]));
      return ids.map((id) => times.get(id) ?? 0);
    },
    async [Symbol.asyncDispose]() {
      await stores.close();
      await api[Symbol.asyncDispose]();
      await worker[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    },
  };
}

let all: Awaited<ReturnType<typeof startAll>>;
beforeAll(async () => {
  all = await startAll();
}, TEST_MS_MAX);
afterAll(async () => {
  await all[Symbol.asyncDispose]();
}, TEST_MS_MAX);

const now = () => new Date().toISOString();
const HEADER = "productId,quantity,countedAt,location";

describe("a run of counts", () => {
  test(
    "whose worker is killed amid it, under traffic, puts every row right once",
    async () => {
      const ids = await all.initialize(PRODUCTS);
      const countedAt = now();
      const counted = ids.map((_, index) => INITIAL - 5 + (index % 11));
      const lines = ids.map((id, index) => `${id},${counted[index]},${countedAt},A`);
      const sold = ids.map(() => 0);
      const traffic = { isOver: false };
      const sell = async (): Promise<void> => {
        for (let at = 0; !traffic.isOver; at = (at + 7) % ids.length) {
          const answer = await all.call(`/product/${ids[at]}/sell`, { quantity: 1 });
          await answer.body?.cancel();
          if (answer.status < 300) sold[at] = (sold[at] ?? 0) + 1;
        }
      };
      const selling = sell();
      const id = await all.start(
        "commit=true&errorPolicy=reject_failed&reference=stocktake",
        [HEADER, ...lines].join("\n"),
        "text/csv",
      );
      for (let kills = 1; kills <= 2; kills += 1) {
        const { done } = await all.read(id);
        await until(async () => (await all.read(id)).done > done, {
          withinMs: RUN_MS_MAX,
          what: "the run goes on",
        });
        await all.worker.kill();
        expect((await all.read(id)).status).toBe("running");
        await all.worker.restart();
      }
      const run = await all.ended(id);
      traffic.isOver = true;
      await selling;
      expect(run).toMatchObject({ status: "completed", progress: 100, errors: [], failed: 0 });
      expect([run.done, run.succeeded]).toEqual([PRODUCTS, PRODUCTS]);
      expect(run.differing).toBe(counted.filter((quantity) => quantity !== INITIAL).length);
      expect(sold.reduce((sum, units) => sum + units, 0)).toBeGreaterThan(0);
      const left = counted.map((quantity, index) => quantity - (sold[index] ?? 0));
      expect(await all.unitsOf(ids)).toEqual(left);
      expect(new Set(await all.countsOf(ids))).toEqual(new Set([1]));
      const chunks = await all.stores.sql`SELECT FROM count_run_chunks WHERE run_id = ${id}`;
      expect(chunks).toHaveLength(0);
    },
    TEST_MS_MAX,
  );

  test(
    "with reject_all changes nothing when one row of any chunk is refused",
    async () => {
      const ids = await all.initialize(BULK + 2);
      const counts = ids.map((productId) => ({ productId, quantity: 7, countedAt: now() }));
      const bad = [
        ...counts,
        { productId: "nobody", quantity: 1, countedAt: now() },
        { productId: "p-1", quantity: -1, countedAt: now() },
        { productId: ids[0], quantity: 1, countedAt: now(), location: "A" },
      ];
      const run = await all.ended(await all.start("commit=true", { counts: bad }));
      expect(run).toMatchObject({ status: "rejected", pass: "check", failed: 3 });
      expect(run.errors.map(({ row, productId, code }) => [row, productId, code])).toEqual<
        unknown[]
      >([
        [BULK + 3, "nobody", "product_not_found"],
        [BULK + 4, "p-1", "validation_failed"],
        [BULK + 5, ids[0], "validation_failed"],
      ]);
      const page = await all.read(run.id, "?limit=2");
      expect([page.errors.length, page.nextCursor]).toEqual([2, `${BULK + 4}`]);
      const rest = await all.read(run.id, `?limit=2&cursor=${page.nextCursor}`);
      expect([rest.errors.map(({ row }) => row), rest.nextCursor]).toEqual([[BULK + 5], null]);
      expect(new Set(await all.unitsOf(ids))).toEqual(new Set([INITIAL]));

      const told = await all.ended(await all.start("", { counts }));
      expect(told).toMatchObject({ status: "completed", pass: "check", succeeded: ids.length });
      expect(told.differing).toBe(ids.length);
      expect(new Set(await all.unitsOf(ids))).toEqual(new Set([INITIAL]));
      const done = await all.ended(await all.start("commit=true", { counts }));
      expect(done).toMatchObject({ status: "completed", pass: "apply", succeeded: ids.length });
      expect(new Set(await all.unitsOf(ids))).toEqual(new Set([7]));
    },
    TEST_MS_MAX,
  );

  test(
    "with reject_failed puts right what it can, also where it is sent twice",
    async () => {
      const ids = await all.initialize(3);
      const countedAt = now();
      const counts = [...ids, "nobody", ids[1]].map((productId) => ({
        productId,
        quantity: 9,
        countedAt,
      }));
      const query = "commit=true&errorPolicy=reject_failed";
      for (let copy = 0; copy < 2; copy += 1) {
        const run = await all.ended(await all.start(query, { counts }));
        expect(run).toMatchObject({ status: "completed", succeeded: 3, differing: 3, failed: 2 });
        expect(run.errors.map(({ row }) => row)).toEqual([4, 5]);
      }
      expect(await all.unitsOf(ids)).toEqual([9, 9, 9]);
      expect(await all.countsOf(ids)).toEqual([1, 1, 1]);
    },
    TEST_MS_MAX,
  );

  test(
    "waits for a row that may succeed another time and says why, but not for ever",
    async () => {
      const { sql, store } = all.stores;
      const query = "commit=true&errorPolicy=reject_failed";
      for (const isSettled of [true, false]) {
        const ids = await all.initialize(2);
        const [doubtful = ""] = ids;
        const place = [store.partitionOf(ProductId.parse(doubtful)), QUARANTINED] as const;
        const payload = JSON.stringify({ productId: doubtful });
        await sql.unsafe(
          `INSERT INTO quarantine (partition, seq, epoch, payload, error)
            VALUES ($1, $2, 1, $3::text::json, 'a test') ON CONFLICT (partition, seq)
            DO UPDATE SET payload = excluded.payload, settled_at = NULL`,
          [...place, payload],
          { prepare: false },
        );
        const counts = ids.map((productId) => ({ productId, quantity: 9, countedAt: now() }));
        const id = await all.start(query, { counts });
        const waits = await until(
          async () => {
            const run = await all.read(id);
            return run.error !== null && run;
          },
          { withinMs: RUN_MS_MAX, what: "the run says what it waits for" },
        );
        expect(waits).toMatchObject({ status: "running", done: 0 });
        expect(waits.error).toStartWith("ledger_unavailable: a movement of the product");
        if (isSettled) await sql`UPDATE quarantine SET settled_at = now()`;
        else await sql`UPDATE count_runs SET tries = 10 WHERE id = ${id}`;
        const run = await all.ended(id);
        const failed = isSettled
          ? []
          : [{ row: 1, productId: doubtful, code: "ledger_unavailable" }];
        expect(run).toMatchObject({ status: "completed", error: null, errors: failed });
        expect(await all.unitsOf(ids)).toEqual([isSettled ? 9 : INITIAL, 9]);
        expect(await all.countsOf(ids)).toEqual([isSettled ? 1 : 0, 1]);
      }
      await sql`UPDATE quarantine SET settled_at = now()`;
    },
    TEST_MS_MAX,
  );

  test(
    "that is asked for by copies at once, under one key, is one run",
    async () => {
      const [productId = ""] = await all.initialize(1);
      const body = { counts: [{ productId, quantity: 9, countedAt: now() }] };
      for (let round = 0; round < 20; round += 1) {
        const key = randomId(8);
        const copies = Array.from({ length: 8 }, () => all.start("", body, undefined, key));
        expect(new Set(await Promise.all(copies)).size).toBe(1);
      }
    },
    TEST_MS_MAX,
  );

  test(
    "that no worker heard of is found by the next one that starts",
    async () => {
      const ids = await all.initialize(2);
      await all.worker.kill();
      const counts = ids.map((productId) => ({ productId, quantity: 3, countedAt: now() }));
      const id = await all.start("commit=true", { counts });
      const jobs = await all.stores.redis.keys("{bull}:counts*");
      expect(jobs.length).toBeGreaterThan(0);
      await all.stores.redis.del(jobs);
      expect((await all.read(id)).status).toBe("queued");
      await all.worker.restart();
      expect(await all.ended(id)).toMatchObject({ status: "completed", succeeded: 2 });
      expect(await all.unitsOf(ids)).toEqual([3, 3]);
    },
    TEST_MS_MAX,
  );
});
