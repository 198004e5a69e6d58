/** `retention` as an operator runs it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { batch, EPOCH_MS, movements } from "#test/movements";
import { openLedger, type TestLedger } from "#test/ledger";
import { startRedis } from "#test/servers";
import { runMain, startService } from "#test/service";
import { until } from "#test/until";

const TEST_MS_MAX = 60_000;
const RANGE = 10_000_000;
const FIRST = RANGE - 10;

let db: TestLedger;
beforeAll(async () => {
  db = await openLedger();
  // What is before them was put away by hand once, so that nothing has to add up.
  await db.sql`UPDATE partitions SET cursor_epoch = 1, cursor_seq = ${FIRST - 1}`;
  await db.writer.cursor(0);
  await db.sql`INSERT INTO quarantine (partition, seq, epoch, payload, error, settled_at)
    VALUES (0, 1, 1, '{"productId":"product-1"}'::json, 'refused', now())`;
  const held = { onHandBefore: 100_000_000, onHandAfter: 100_000_000 };
  await db.writer.append(batch(movements(FIRST, 1_100, held)));
}, TEST_MS_MAX);
afterAll(() => db[Symbol.asyncDispose]());

const retention = (...args: string[]) => {
  // Never asked.
  const env = { REDIS_URL: "redis://127.0.0.1:1", DATABASE_URL: db.url };
  return runMain(["retention", ...args], env);
};
const attached = () => db.count("SELECT count(*) FROM movements WHERE seq < 10000000");
const DAY = new Date(EPOCH_MS + 2 * RANGE).toISOString().slice(0, 10);

test(
  "only says what it would do, until it is told to do it",
  async () => {
    const seen = await retention("--before", "2100-01-01");
    expect(seen).toMatchObject({ code: 0 });
    expect(seen.output).toContain("movements_0 (movements 0 to 9999999) would be put away");
    expect(seen.output).toContain("movements_10000000 (movements 10000000 to 19999999) stays");
    expect(seen.output).toContain("nothing was changed");
    expect(await attached()).toBe(10);

    const early = await retention("--before", "2020-01-31T12:00:00Z", "--apply");
    expect(early).toMatchObject({
      code: 0,
      output: expect.stringContaining("nothing is put away"),
    });
    expect(await attached()).toBe(10);

    // Somebody reads for a moment: it waits, and nobody behind it does for long.
    const reader = db.sql.begin(async (tx) => {
      await tx`SELECT FROM movements LIMIT 1`;
      await tx`SELECT pg_sleep(1.5)`;
    });
    const done = await retention("--before", `${RANGE}`, "--apply");
    await reader;
    expect(done.output).toContain("movements_0 (movements 0 to 9999999) is put away");
    expect(done).toMatchObject({ code: 0, output: expect.stringContaining("dump them") });
    expect(await attached()).toBe(0);
    expect(await db.count("SELECT count(*) FROM movements_0")).toBe(10);
    expect((await retention("--before", DAY)).output).toContain("nothing is put away");
  },
  TEST_MS_MAX,
);

test("is refused in words where movements may not go", async () => {
  await db.sql`UPDATE partitions SET cursor_seq = ${3 * RANGE}`;
  await db.sql`
    INSERT INTO pseudonymizations (id, customer_id, pseudonym, asked_by)
    VALUES ('p', 'carol', 'pseudonym-x', 'admin:ada')`;
  const { code, output } = await retention("--before", `${2 * RANGE}`, "--apply");
  expect(output).toContain("a customer's id is being replaced");
  expect(code).toBe(1);
});

test(
  "a worker removes by itself what ended longer ago than RETENTION_DAYS",
  async () => {
    await using ledger = await openLedger();
    await ledger.sql`
      INSERT INTO recovery_reports
        (partition, kind, epoch, operations, facts, reported_by, created_at)
      SELECT 0, 'lost', days, '[]', '{}', 'a', now() - days * interval '1 day'
      FROM generate_series(25, 35) AS days`;
    await using redis = await startRedis();
    const servers = { redisUrl: redis.url, databaseUrl: ledger.url };
    await using service = await startService({ ...servers, env: { RETENTION_DAYS: "30" } });
    expect((await fetch(`${service.url}/health/live`)).status).toBe(200);
    const left = () => ledger.count("SELECT count(*) FROM recovery_reports");
    await until(async () => (await left()) < 11, { withinMs: 10_000, what: "some are removed" });
    expect(await ledger.count("SELECT max(epoch) FROM recovery_reports")).toBe(29);
    expect(await left()).toBe(5);
  },
  TEST_MS_MAX,
);
