/** What the level in an answer promises, against real servers that are hurt. */
import { describe, expect, test } from "bun:test";
import { Redis } from "ioredis";
import postgres from "postgres";
import { stockKey } from "#redis/keys";
import { levelCaller, reconnectAll, startRedisWithReplica } from "#test/levels";
import { createDatabase, startPostgres, startRedis, testDatabase } from "#test/servers";
import { startService } from "#test/service";
import { until } from "#test/until";

const TEST_MS_MAX = 90_000;
const DEADLINE_MS = 1_000;
/** What an answer may take beyond its deadline on a busy machine. */
const SLACK_MS = 1_500;
const NOTICED_MS_MAX = 10_000;
/** More than one look at the replicas takes. */
const LONGER_MS = 3_000;
const longer = { REQUEST_DEADLINE_MS: `${LONGER_MS}` };
const env = { REQUEST_DEADLINE_MS: `${DEADLINE_MS}` };

describe("ledger", () => {
  test(
    "a change that the ledger refused is not in it: its answer says `disk`, until that is settled",
    async () => {
      await using redis = await startRedis();
      await using database = await testDatabase();
      const urls = { redisUrl: redis.url, databaseUrl: database.url };
      await using service = await startService({ ...urls, env });
      const call = await levelCaller(service);
      await call.initialize("p1");
      const sql = postgres(database.url, { max: 1, onnotice: () => {} });
      await sql`ALTER TABLE movements ADD CONSTRAINT strange CHECK (reason <> 'strange') NOT VALID`;
      const strange = { quantity: 1, type: "RESTOCK", reason: "strange" };
      const refused = await call.send("PATCH", "/product/p1/stock", strange, { level: "ledger" });
      expect(refused).toMatchObject({ status: 200, durability: "disk", applied: null });
      expect(await sql`SELECT settled_at FROM quarantine`).toHaveLength(1);
      await sql`UPDATE quarantine SET settled_at = now()`;
      expect(await call.restock("p1", { level: "ledger" })).toMatchObject({ durability: "ledger" });
      // Whichever process drains, the alert of a gap is of where the ledger still stands.
      expect(await call.readiness()).toMatchObject({ status: "healthy" });
      await sql`INSERT INTO alerts (partition, seq, number, kind)
        SELECT partition, cursor_seq, 1, 'gap' FROM partitions`;
      await until(async () => (await call.readiness()).status === "degraded", {
        withinMs: NOTICED_MS_MAX,
        what: "readiness says that the drain stopped",
      });
      expect((await call.readiness()).reasons).toEqual(["the drain of partition 0 stopped"]);
      await sql.end();
    },
    TEST_MS_MAX,
  );

  test(
    "a change whose answer says `ledger` is in PostgreSQL, among many that did not ask",
    async () => {
      await using redis = await startRedis();
      await using database = await testDatabase();
      await using service = await startService({ redisUrl: redis.url, databaseUrl: database.url });
      const call = await levelCaller(service);
      await call.initialize("p1");
      const sql = postgres(database.url, { max: 4, onnotice: () => {} });
      const isThere = async (requestId: string): Promise<boolean> => {
        const rows = await sql`select 1 from movements where request_id = ${requestId}`;
        return rows.length > 0;
      };
      let seen = 0;
      const one = async (i: number): Promise<void> => {
        const asks = i % 3 > 0;
        const answer = await call.restock("p1", asks ? { level: "ledger" } : {});
        expect([answer.status, answer.durability]).toEqual([200, asks ? "ledger" : "disk"]);
        if (!asks) return;
        expect(answer.applied).toBe("durability=ledger");
        expect(await isThere(answer.requestId)).toBe(true);
        seen += 1;
      };
      for (let round = 0; round < 10; round += 1) {
        await Promise.all(Array.from({ length: 30 }, (_, i) => one(i)));
      }
      expect(seen).toBe(200);
      // Every route that changes something waits the same way; here are those with ways of their own.
      const cart = await call.send(
        "POST",
        "/bulk/adjust",
        { items: [1, 2, 3].map((quantity) => ({ productId: "p1", quantity, type: "RESTOCK" })) },
        { level: "ledger" },
      );
      expect([cart.durability, await isThere(`${cart.requestId}#2`)]).toEqual(["ledger", true]);
      const cleanup = await call.send("POST", "/cleanup-expired", {}, { level: "ledger" });
      expect([cleanup.status, cleanup.durability]).toEqual([200, "ledger"]);
      await sql.end();
    },
    TEST_MS_MAX,
  );

  test(
    "PostgreSQL is stopped: the change is done and answered as `disk` by the deadline, and a replay says `ledger` later",
    async () => {
      await using redis = await startRedis();
      await using server = await startPostgres();
      const database = await createDatabase(server);
      const urls = { redisUrl: redis.url, databaseUrl: database.url };
      await using service = await startService({ ...urls, env });
      const call = await levelCaller(service);
      await call.initialize("p1");
      await until(
        async () => (await call.restock("p1", { level: "ledger" })).durability === "ledger",
        { withinMs: NOTICED_MS_MAX, what: "the drain runs" },
      );
      await server.kill();
      const key = "k-1";
      const away = await call.restock("p1", { level: "ledger", key });
      expect(away).toMatchObject({ status: 200, durability: "disk", applied: null });
      expect(away.ms).toBeGreaterThan(DEADLINE_MS / 2);
      expect(away.ms).toBeLessThan(DEADLINE_MS + SLACK_MS);
      const plain = await call.restock("p1");
      expect(plain).toMatchObject({ status: 200, durability: "disk" });
      expect(plain.ms).toBeLessThan(DEADLINE_MS);
      const again = await call.restock("p1", { level: "ledger", key });
      expect(again).toMatchObject({ status: 200, durability: "disk", isReplay: true });
      await server.restart();
      await until(
        async () => {
          const replay = await call.restock("p1", { level: "ledger", key });
          expect(replay).toMatchObject({ status: 200, isReplay: true });
          return replay.durability === "ledger";
        },
        { withinMs: NOTICED_MS_MAX, what: "the ledger has the change" },
      );
      const metrics = await (await fetch(`${service.url}/metrics`)).text();
      expect(metrics).toMatch(
        /^holdfast_durability_waits_total\{asked="ledger",reached="disk"\} /m,
      );
    },
    TEST_MS_MAX,
  );

  test(
    "as the floor it holds for who asks for nothing",
    async () => {
      await using redis = await startRedis();
      await using database = await testDatabase();
      const urls = { redisUrl: redis.url, databaseUrl: database.url };
      const floor = { DURABILITY: "ledger" };
      await using service = await startService({ ...urls, env: floor });
      const call = await levelCaller(service);
      expect(await call.initialize("p1")).toMatchObject({ status: 201, durability: "ledger" });
      expect(await call.restock("p1", { level: "disk" })).toMatchObject({
        durability: "ledger",
        applied: "durability=disk",
      });
      await using api = await startService({ ...urls, role: "api", env: { ...env, ...floor } });
      await service.kill();
      // Nobody drains: the floor cannot be reached, and the answer does not say that it was.
      const other = await levelCaller(api);
      expect(await other.restock("p1")).toMatchObject({ status: 200, durability: "disk" });
    },
    TEST_MS_MAX,
  );
});

describe("replica", () => {
  test(
    "a change whose answer says `replica` is on the replica; while that stands still the answer says `disk`",
    async () => {
      await using servers = await startRedisWithReplica();
      const { redis, replica } = servers;
      await using database = await testDatabase();
      const urls = { redisUrl: redis.url, databaseUrl: database.url };
      await using service = await startService({ ...urls, env: longer });
      const call = await levelCaller(service);
      await call.initialize("p1", 0);
      const reader = new Redis(replica.url);
      const onReplica = async (): Promise<number> =>
        Number(await reader.hget(stockKey(0, "p1"), "onHand:default"));
      for (let units = 1; units <= 50; units += 1) {
        const answer = await call.restock("p1", { level: "replica" });
        expect(answer).toMatchObject({ durability: "replica", applied: "durability=replica" });
        expect(await onReplica()).toBe(units);
      }
      replica.pause();
      const still = await call.restock("p1", { level: "replica" });
      expect(still).toMatchObject({ status: 200, durability: "disk", applied: null });
      expect(still.ms).toBeLessThan(LONGER_MS + SLACK_MS);
      // A level above it that can be reached is.
      expect(await call.restock("p1", { level: "ledger" })).toMatchObject({ durability: "ledger" });
      replica.resume();
      await until(
        async () => (await call.restock("p1", { level: "replica" })).durability === "replica",
        { withinMs: NOTICED_MS_MAX, what: "the replica has caught up" },
      );
      reader.disconnect();
    },
    TEST_MS_MAX,
  );

  test(
    "as the floor, readiness fails while no replica is there, and changes go on as `disk`",
    async () => {
      await using servers = await startRedisWithReplica();
      const { redis, replica } = servers;
      await using database = await testDatabase();
      const urls = { redisUrl: redis.url, databaseUrl: database.url };
      const floor = { ...env, DURABILITY: "replica" };
      await using service = await startService({ ...urls, env: floor });
      const call = await levelCaller(service);
      expect(await call.initialize("p1")).toMatchObject({ status: 201, durability: "replica" });
      expect(await call.restock("p1")).toMatchObject({ durability: "replica" });
      await replica.kill();
      await reconnectAll(redis.url);
      await until(async () => (await call.readiness()).http === 503, {
        withinMs: NOTICED_MS_MAX,
        what: "readiness notices",
      });
      const reasons = ["answers do not mean replica: no replica of Redis is online"];
      await until(async () => Bun.deepEquals((await call.readiness()).reasons, reasons), {
        withinMs: NOTICED_MS_MAX,
        what: "readiness says why",
      });
      expect(await call.restock("p1")).toMatchObject({ status: 200, durability: "disk" });
    },
    TEST_MS_MAX,
  );
});

describe.each([
  ["in production", { NODE_ENV: "production", HOST: "127.0.0.1" }],
  ["outside production", {}],
])("a Redis whose settings are changed while it runs, %s", (_, where) => {
  test(
    "is noticed: answers say `memory`, readiness fails and says why, and all comes back",
    async () => {
      await using redis = await startRedis();
      await using postgresql = await startPostgres();
      await using database = await createDatabase(postgresql);
      const urls = { redisUrl: redis.url, databaseUrl: database.url };
      await using service = await startService({ ...urls, env: { ...env, ...where } });
      const call = await levelCaller(service);
      expect(await call.initialize("p1")).toMatchObject({ status: 201, durability: "disk" });
      const admin = new Redis(redis.url);
      await admin.config("SET", "appendfsync", "everysec");
      await reconnectAll(redis.url);
      const reasons = ["answers mean memory, not disk: appendfsync is everysec: set it to always"];
      await until(async () => Bun.deepEquals((await call.readiness()).reasons, reasons), {
        withinMs: NOTICED_MS_MAX,
        what: "readiness says why",
      });
      expect(await call.readiness()).toMatchObject({ http: 503, status: "unavailable" });
      expect(await call.restock("p1")).toMatchObject({ status: 200, durability: "memory" });
      expect(await call.restock("p1", { level: "disk" })).toMatchObject({
        status: 200,
        durability: "memory",
        applied: null,
      });
      expect(await call.restock("p1", { level: "ledger" })).toMatchObject({ durability: "ledger" });
      expect(service.output()).toContain("Redis lost its durability");
      await admin.config("SET", "appendfsync", "always");
      admin.disconnect();
      await reconnectAll(redis.url);
      await service.ready();
      expect(await call.restock("p1")).toMatchObject({ status: 200, durability: "disk" });
      expect(service.output()).toContain("Redis keeps its durability again");
    },
    TEST_MS_MAX,
  );
});
