/** What `restore` says before it does anything, and what it refuses to begin. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createEpochLedger } from "#postgres/epochs";
import { createPostgres } from "#postgres/client";
import { adjustCommand } from "#test/commands";
import { dump } from "#test/keyspace";
import { openLedger, type TestLedger } from "#test/ledger";
import { startRedis, temporaryFolder, testDatabase } from "#test/servers";
import { runMain } from "#test/service";
import { initialize, openStore, type TestStore } from "#test/store";
import { until } from "#test/until";

const TEST_MS_MAX = 60_000;

const redis = await startRedis();
let db: TestLedger;
let stores: TestStore;

beforeEach(async () => {
  db = await openLedger();
  const [row] = await db.sql`SELECT store_id FROM store`;
  stores = await openStore(redis.url, {
    epochs: createEpochLedger(db.sql, String(row?.["store_id"])),
  });
});
afterEach(async () => {
  await stores.redis.flushall();
  await stores[Symbol.asyncDispose]();
  await db[Symbol.asyncDispose]();
});
afterAll(() => redis.stop());

const restore = (...args: string[]) =>
  runMain(["restore", ...args], { REDIS_URL: redis.url, DATABASE_URL: db.url });

/** Nothing of it is in the ledger. */
async function tenMovements(): Promise<void> {
  await initialize(stores.store, "p1", 10);
  for (let i = 0; i < 9; i += 1) await stores.store.adjust(adjustCommand("p1", 1));
}

const fence = () => stores.redis.hget("{p0}:meta", "fence");

describe("what would be given up", () => {
  test(
    "is said by the look, and is given up with --discard alone",
    async () => {
      await tenMovements();
      await stores.redis.flushall();
      const again = stores.store.adjust(adjustCommand("p1", 1));
      await expect(again).rejects.toMatchObject({ code: "partition_fenced" });
      expect(await fence()).toBe("behind:10");
      const before = await dump(stores.redis);
      const lost = "movements 1 to 10 are in neither Redis nor the ledger";

      const looked = await restore();
      expect(looked.output).toContain(`${lost} and would be given up`);
      expect(looked.output).not.toContain("would be written\n  ");
      expect(looked.code).toBe(1);
      const refused = await restore("--apply");
      expect(refused.output).toContain(`nothing was written: ${lost}; --discard gives them up`);
      expect(refused.code).toBe(1);
      expect(await dump(stores.redis)).toEqual(before);
      expect(await db.count("SELECT count(*) FROM recovery_reports")).toBe(0);

      const meant = await restore("--discard");
      expect(meant.output).toContain(`${lost} and would be given up`);
      expect(meant.output).toContain("0 products and 0 live holds would be written");
      expect(meant.code).toBe(0);
      const done = await restore("--apply", "--discard");
      expect(done.output).toContain("GIVEN UP: movements 1 to 10");
      expect(done.code).toBe(0);
      await until(() => stores.partitions[0]?.state === "open", { withinMs: 5_000, what: "open" });
    },
    TEST_MS_MAX,
  );

  test(
    "is told from what the journal still has and the ledger takes",
    async () => {
      await tenMovements();
      const looked = await restore();
      expect(looked.output).toContain("nothing needs a rebuild");
      expect(looked.output).toContain("10 movements of its journal would be brought into");
      expect(looked.output).not.toContain("given up");
      expect(looked.code).toBe(0);
      const [entry] = await stores.redis.xrevrange("{p0}:journal", "+", "-", "COUNT", 2);
      await stores.store.adjust(adjustCommand("p1", 1));
      await stores.redis.xdel("{p0}:journal", String(entry?.[0]));
      const cut = await restore("--apply");
      expect(cut.output).toMatch(
        /nothing was written: movements 10 to 11 do not follow the ledger/,
      );
      expect(cut.code).toBe(1);
      // Looking has fenced nothing, and has brought nothing into the ledger.
      expect(await fence()).toBe(null);
      expect(await db.count("SELECT count(*) FROM movements")).toBe(0);
    },
    TEST_MS_MAX,
  );

  test("is not known where Redis has nothing at all and nobody remembers", async () => {
    await tenMovements();
    for (const partition of stores.partitions) partition.close();
    await using other = await startRedis();
    const env = { REDIS_URL: other.url, DATABASE_URL: db.url };
    await db.sql`DELETE FROM servers_in_use`;
    const { code, output } = await runMain(["restore"], env);
    expect(output).toContain("what the ledger does not have of it is not known");
    expect(output).not.toContain("nothing needs a rebuild");
    expect(code).toBe(0);
  });
});

describe("another Redis server that was in use", () => {
  test(
    "a moment ago, and is not any more, is waited for",
    async () => {
      await tenMovements();
      for (const partition of stores.partitions) partition.close();
      await db.sql`INSERT INTO servers_in_use (partition, run_id) VALUES (0, 'stopped')`;
      const { code, output } = await restore();
      expect(output).toMatch(/^another Redis server was in use a moment ago: waiting [1-5] s/m);
      expect(output).toContain("nothing needs a rebuild");
      expect(output).not.toContain("it would wait");
      expect(code).toBe(0);
    },
    TEST_MS_MAX,
  );

  test(
    "and is so still is told after the wait",
    async () => {
      await tenMovements();
      const inUse = async () => (await db.count("SELECT count(*) FROM servers_in_use")) > 0;
      await until(inUse, { withinMs: 10_000, what: "the server is known to be in use" });
      await using other = await startRedis();
      const env = { REDIS_URL: other.url, DATABASE_URL: db.url };
      const { code, output } = await runMain(["restore"], env);
      expect(output).toContain("it would wait: another Redis server is in use for this store");
      expect(code).toBe(1);
    },
    TEST_MS_MAX,
  );
});

describe("restore makes no store:", () => {
  test("a folder that is none of ours stays as it is", async () => {
    const folder = temporaryFolder("restore");
    for (const DATA_DIR of [join(folder, "absent"), folder]) {
      const { code, output } = await runMain(["restore", "--apply"], { DATA_DIR });
      expect(output).toBe(`there is no store in ${DATA_DIR} (DATA_DIR): nothing was made\n`);
      expect(code).toBe(1);
    }
    expect(existsSync(join(folder, "absent"))).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
    const verified = await runMain(["verify"], { DATA_DIR: join(folder, "absent") });
    expect([verified.code, verified.output]).toEqual([1, expect.stringContaining("no store in")]);
    const { code, output } = await runMain(["restore"], {
      DATABASE_URL: db.url,
      DATA_DIR: join(folder, "absent"),
    });
    expect([code, output]).toEqual([1, expect.stringContaining("there is no store in ")]);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("a database without one stays empty", async () => {
    await using database = await testDatabase();
    const env = { REDIS_URL: redis.url, DATABASE_URL: database.url };
    const { code, output } = await runMain(["restore", "--apply"], env);
    expect(output).toMatch(/^there is no store in postgres:.*: nothing was made\n$/);
    expect(code).toBe(1);
    const sql = createPostgres(database.url, { connectionsMax: 1 });
    const [row] = await sql`SELECT count(*)::int AS tables FROM pg_tables
      WHERE schemaname = 'public'`;
    await sql.end({ timeout: 1 });
    expect(row?.["tables"]).toBe(0);
  });
});
