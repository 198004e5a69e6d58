import { expect, test } from "bun:test";
import { Redis } from "ioredis";
import { z } from "zod";
import { createPostgres } from "#postgres/client";
import { lowKey, metaKey, stockKey } from "#redis/keys";
import { startRedis, testDatabase } from "#test/servers";
import { startService, tokenOf, type Service } from "#test/service";
import { until } from "#test/until";

const RUN_MS_MAX = 20_000;
const TEST_MS_MAX = 60_000;

const Run = z.object({
  id: z.string(),
  status: z.string(),
  progress: z.number(),
  askedBy: z.string(),
  error: z.string().nullable(),
  checked: z.object({ products: z.number() }),
  differenceCount: z.number(),
});
const Asked = z.object({ id: z.string() });
const Listed = z.object({ runs: z.array(Run) });

async function call(service: Service, path: string, body?: object): Promise<Response> {
  const token = await tokenOf("admin", "ada");
  return await fetch(`${service.url}/api/inventory${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** Asks for a run and waits for its end. */
async function runOf(service: Service, body: object): Promise<z.infer<typeof Run>> {
  const asked = await call(service, "/reconcile", body);
  expect(asked.status).toBe(202);
  const { id } = Asked.parse(await asked.json());
  return await ended(service, id);
}

const ended = (service: Service, id: string) =>
  until(
    async () => {
      const run = Run.parse(await (await call(service, `/reconcile/${id}`)).json());
      return ["completed", "failed"].includes(run.status) && run;
    },
    { withinMs: RUN_MS_MAX, what: "the run has ended" },
  );

test(
  "a comparison is asked for over HTTP, run by the worker, and mends where that is asked for",
  async () => {
    await using server = await startRedis();
    await using database = await testDatabase();
    const servers = { redisUrl: server.url, databaseUrl: database.url };
    await using service = await startService(servers);
    const redis = new Redis(server.url);
    for (const productId of ["p1", "p2"]) {
      const body = { productId, sku: `SKU-${productId}`, initialStock: 50 };
      expect((await call(service, "/initialize", body)).status).toBe(201);
    }
    const whole = await runOf(service, {});
    expect(whole).toMatchObject({ status: "completed", progress: 100, differenceCount: 0 });
    expect(whole.checked.products).toBe(2);

    await redis.hincrby(stockKey(0, "p1"), "onHand:default", 3);
    await redis.zadd(lowKey(0), 1, "p2");
    const drift = async () => await (await call(service, "/alerts?kind=drift")).text();
    expect(await runOf(service, { productIds: ["p2"] })).toMatchObject({ differenceCount: 1 });
    expect(await runOf(service, { mode: "repair" })).toMatchObject({ differenceCount: 2 });
    expect(await runOf(service, { partition: 0 })).toMatchObject({ differenceCount: 0 });
    expect(await redis.hget(stockKey(0, "p1"), "onHand:default")).toBe("50");

    // What was mended needs nobody: of p1 there was nothing but that, of p2 it is over.
    expect(await drift()).toContain(`"productId":"p2"`);
    expect(await drift()).toContain(`"open":false`);
    expect(await drift()).not.toContain(`"open":true`);
    expect(await drift()).not.toContain(`"productId":"p1"`);

    // What is left is open once, until a comparison of it does not find it.
    await redis.zadd(lowKey(0), 1, "p2");
    for (let i = 0; i < 2; i += 1) await runOf(service, {});
    const open = async () => await (await call(service, "/alerts?kind=drift&open=true")).text();
    expect((await open()).split("productId").length).toBe(2);
    await redis.zrem(lowKey(0), "p2");
    await runOf(service, { productIds: ["p1"] });
    expect(await open()).toContain(`"productId":"p2"`);
    await runOf(service, { productIds: ["p2"] });
    expect(await open()).not.toContain("productId");

    await redis.hset(metaKey(0), "fence", "behind:99");
    const fenced = await runOf(service, {});
    expect(fenced).toMatchObject({ status: "failed" });
    expect(fenced.error).toStartWith("partition_fenced: partition 0 is fenced");
    const list = Listed.parse(await (await call(service, "/reconcile")).json());
    expect(list.runs.map(({ status }) => status)).toEqual([
      "failed",
      ...Array.from({ length: 8 }, () => "completed"),
    ]);
    redis.disconnect();
  },
  TEST_MS_MAX,
);

test.each([
  ["that no worker heard of", "queued"],
  ["whose worker died when Redis lost all jobs", "running"],
])(
  "a run %s is found by the next worker that starts",
  async (_what, status) => {
    await using server = await startRedis();
    await using database = await testDatabase();
    const servers = { redisUrl: server.url, databaseUrl: database.url };
    await using api = await startService({ ...servers, role: "api" });
    const { id } = Asked.parse(await (await call(api, "/reconcile", {})).json());
    const redis = new Redis(server.url);
    const jobs = await redis.keys("{bull}:*");
    expect(jobs.length).toBeGreaterThan(0);
    await redis.del(jobs);
    redis.disconnect();
    const sql = createPostgres(database.url, { connectionsMax: 1 });
    await sql`UPDATE reconcile_runs SET status = ${status}, started_at = now() - interval '2 hours',
      progressed_at = now() - interval '2 minutes'`;
    await sql.end({ timeout: 1 });
    await using worker = await startService({ ...servers, role: "worker" });
    expect(await ended(api, id)).toMatchObject({ status: "completed", progress: 100 });
    expect(worker.hasExited()).toBe(false);
  },
  TEST_MS_MAX,
);

test(
  "a comparison comes by itself when its time has come, also after Redis lost the schedule",
  async () => {
    await using server = await startRedis();
    await using database = await testDatabase();
    const env = { RECONCILE_CRON: "* * * * * *" };
    const servers = { redisUrl: server.url, databaseUrl: database.url };
    await using service = await startService({ ...servers, env });
    const nightly = async (): Promise<number> => {
      const { runs } = Listed.parse(await (await call(service, "/reconcile?limit=200")).json());
      return runs.filter((run) => run.askedBy === "system:nightly" && run.status === "completed")
        .length;
    };
    await until(async () => (await nightly()) >= 2, {
      withinMs: RUN_MS_MAX,
      what: "two runs came",
    });
    const redis = new Redis(server.url);
    await redis.del(await redis.keys("{bull}:reconcile:*"));
    redis.disconnect();
    await server.restart();
    const before = await until(nightly, { withinMs: RUN_MS_MAX, what: "the runs are listed" });
    await until(async () => (await nightly()) > before + 1, {
      withinMs: RUN_MS_MAX,
      what: "runs come again",
    });
  },
  TEST_MS_MAX,
);

test(
  "a comparison that meets connections which end is begun anew, and does not fail",
  async () => {
    await using server = await startRedis();
    await using database = await testDatabase();
    const servers = { redisUrl: server.url, databaseUrl: database.url };
    await using service = await startService({
      ...servers,
      env: { RECONCILE_CRON: "* * * * * *" },
    });
    const redis = new Redis(server.url);
    const sql = createPostgres(database.url, { connectionsMax: 1 });
    const begunAnew = async (): Promise<boolean> => {
      await redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      const rows = await sql`SELECT 1 FROM reconcile_runs WHERE attempt > 1`;
      return rows.length > 0;
    };
    await until(begunAnew, { withinMs: RUN_MS_MAX, what: "a run was begun anew" });
    redis.disconnect();
    const open = async (): Promise<boolean> => {
      const rows =
        await sql`SELECT 1 FROM reconcile_runs WHERE attempt > 1 AND finished_at IS NULL`;
      return rows.length > 0;
    };
    await until(async () => !(await open()), { withinMs: RUN_MS_MAX, what: "it has ended" });
    expect([...(await sql`SELECT error FROM reconcile_runs WHERE status = 'failed'`)]).toEqual([]);
    expect(service.hasExited()).toBe(false);
    await sql.end({ timeout: 1 });
  },
  TEST_MS_MAX,
);
