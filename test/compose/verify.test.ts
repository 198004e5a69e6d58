import { afterEach, expect, test } from "bun:test";
import { lowKey, metaKey, stockKey } from "#redis/keys";
import { createEpochLedger } from "#postgres/epochs";
import { ensureStore } from "#postgres/store-row";
import { openLedger, type TestLedger } from "#test/ledger";
import { redisOfFile } from "#test/redis";
import { testDatabase } from "#test/servers";
import { runMain, startService } from "#test/service";
import { adjustCommand, initialize, reserve } from "#test/store";
import { until } from "#test/until";

const { server, redis, open } = await redisOfFile();

const ledgers: TestLedger[] = [];
afterEach(async () => {
  for (const ledger of ledgers.splice(0)) await ledger[Symbol.asyncDispose]();
});

/** A store with some history, of which the ledger has nothing yet: no worker runs. */
async function openWritten() {
  const db = await openLedger();
  ledgers.push(db);
  const { storeId } = await ensureStore(db.sql, 1);
  const { store } = await open({ epochs: createEpochLedger(db.sql, storeId) });
  await initialize(store, "p1", 50);
  await store.adjust(adjustCommand("p1", 5));
  await reserve(store, "o1", { p1: 2 });
  const env = { REDIS_URL: server.url, DATABASE_URL: db.url };
  const verify = (...args: string[]) => runMain(["verify", ...args], env);
  return { db, verify, verifyChained: () => runMain(["verify"], { ...env, LEDGER_CHAIN: "1" }) };
}

test("verify brings what waits into the ledger, finds both equal and exits with 0", async () => {
  const { verify } = await openWritten();
  const { code, output } = await verify();
  expect(output).toContain("looked at 1 products, 1 levels, 1 live holds and 3 movements");
  expect(output).toContain("Redis and the ledger are equal");
  expect(code).toBe(0);
});

test("verify names what differs and exits with 1", async () => {
  const { verify } = await openWritten();
  await redis.zadd(lowKey(0), 1, "p1");
  const { code, output } = await verify();
  expect(output).toContain("low  p1  it is not low");
  expect(output).toContain("differ in 1 places");
  expect(code).toBe(1);
  const told = await verify("--json");
  const json: unknown = JSON.parse(told.output.split("\n").find((line) => line[0] === "{") ?? "");
  expect(json).toMatchObject({ differenceCount: 1, differences: [{ kind: "low" }] });
  await redis.del(lowKey(0));
});

test("verify is red while something is in quarantine", async () => {
  const { db, verify } = await openWritten();
  await db.sql`INSERT INTO quarantine (partition, seq, epoch, payload, error)
    VALUES (0, 2, 1, '{"movement":{"productId":"p1"}}', 'a test')`;
  const { code, output } = await verify();
  expect(output).toContain("1 movements are in quarantine");
  expect(output).toMatch(/^quarantine {2}partition 0 {2}movement 2 .* of what it is unknown$/m);
  expect(output).not.toContain("are equal");
  expect(code).toBe(1);
});

test("verify says why it cannot compare, and exits with 1", async () => {
  const { verify } = await openWritten();
  expect((await verify()).code).toBe(0);
  await redis.hset(metaKey(0), "fence", "behind:9");
  const fenced = await verify();
  expect(fenced.output).toContain("partition 0 is fenced");
  await redis.hdel(metaKey(0), "fence");
  const kept = (await redis.hget(metaKey(0), "seq")) ?? "";
  await redis.hset(metaKey(0), "seq", "1");
  const behind = await verify();
  // The process that wrote it may see it first, and fence it.
  expect(behind.output).toMatch(
    /Redis lacks what the ledger has of partition 0: 2 movements|partition 0 is fenced \(behind:3\)/,
  );
  await redis.hset(metaKey(0), "seq", kept);
  await redis.hdel(metaKey(0), "fence");
  await redis.hset(metaKey(0), "storeId", "another");
  const foreign = await verify();
  expect(foreign.output).toContain("Redis holds the data of another store");
  expect([fenced.code, behind.code, foreign.code]).toEqual([1, 1, 1]);
  expect(await redis.exists(stockKey(0, "p1"))).toBe(1);
});

test("verify walks the chain of hashes, and is red where a row of the ledger was changed", async () => {
  const { db, verify, verifyChained } = await openWritten();
  {
    const servers = { redisUrl: server.url, databaseUrl: db.url };
    await using _ = await startService({ ...servers, role: "worker", env: { LEDGER_CHAIN: "1" } });
    await until(async () => (await db.count("SELECT cursor_seq FROM partitions")) === 3, {
      withinMs: 10_000,
      what: "the ledger has everything",
    });
  }
  const { code, output } = await verify();
  expect(output).toMatch(/partition 0: chain 1 to 3: [0-9a-f]{64}\n/);
  expect(code).toBe(0);
  await db.sql`UPDATE movements SET actor = 'somebody' WHERE seq = 2`;
  const changed = await verify();
  expect(changed.output).toContain("partition 0: chain 1 to 3: breaks 1 times\n");
  expect(changed.output).toContain("partition 0: the chain breaks at movement 2: changed\n");
  expect(changed.code).toBe(1);
  await db.sql`UPDATE movements SET chain = NULL WHERE seq = 3`;
  expect((await verify()).output).toContain("at movement 3: no link (put back by a repair)\n");
  // Whoever takes the whole chain away is told by who wants one.
  await db.sql`DELETE FROM chains`;
  await db.sql`UPDATE partitions SET chain = NULL`;
  const cut = await verifyChained();
  expect(cut.output).toContain("partition 0: no chain 1 to 3\n");
  expect(cut.output).toContain("movement 1 to 3: bears a link, and no chain is noted there\n");
  expect(cut.code).toBe(1);
  await db.sql`UPDATE movements SET chain = NULL, chain_commitment = NULL, chain_salt = NULL`;
  const bare = await verifyChained();
  expect(bare.output).toContain("LEDGER_CHAIN is 1, and the last movement has no chain");
  const unchained = await verify();
  expect(unchained.output).not.toContain("chain");
  expect([bare.code, unchained.code]).toEqual([1, 0]);
  const asJson = await verify("--json");
  expect(asJson.output).toContain('"chains":[]');
});

test("verify makes no store where there is none", async () => {
  await using database = await testDatabase();
  const env = { REDIS_URL: server.url, DATABASE_URL: database.url };
  const { code, output } = await runMain(["verify"], env);
  expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining("no store") });
});

test("verify explains itself", async () => {
  const help = await runMain(["verify", "--help"], {});
  expect(help).toMatchObject({ code: 0, output: expect.stringContaining("bun run verify") });
  expect((await runMain(["verify", "--bogus"], {})).code).toBe(2);
});
