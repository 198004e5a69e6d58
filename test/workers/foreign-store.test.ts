import { expect, test } from "bun:test";
import { systemClock } from "#lib/clock";
import { createLog } from "#lib/log";
import { createMetrics } from "#lib/metrics";
import { createLedgerWriter } from "#postgres/ledger-writer";
import { connectBlocking } from "#redis/client";
import { createJournal } from "#redis/journal";
import { startDrain } from "#workers/drain-journal";
import { dump } from "#test/keyspace";
import { openLedger } from "#test/ledger";
import { startRedis } from "#test/servers";
import { adjustCommand, initialize, openStore } from "#test/store";
import { until } from "#test/until";

test("a drain of another store's ledger reads nothing, settles nothing, trims nothing", async () => {
  await using redis = await startRedis();
  await using db = await openLedger();
  await using opened = await openStore(redis.url);
  await initialize(opened.store, "p1", 50);
  for (let i = 0; i < 20; i += 1) await opened.store.adjust(adjustCommand("p1", 1));
  const before = await dump(opened.redis);
  const connection = connectBlocking(redis.url, "drain");
  const lines: string[] = [];
  const drain = startDrain({
    journal: createJournal({
      redis: opened.redis,
      blocking: () => connection,
      partitions: 1,
      storeId: "another store",
      keepEntries: 0,
    }),
    ledgerWriter: createLedgerWriter(db.sql),
    clock: systemClock,
    log: createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) }),
    metrics: createMetrics(),
    limits: { retryMsMin: 1, retryMsMax: 5 },
    onFenced: () => undefined,
  });
  await until(() => lines.length > 5, { withinMs: 5_000, what: "the drain tried several times" });
  await drain.stop();
  connection.disconnect();
  const told = lines.filter((line) => line.includes("Redis does not hold what the ledger"));
  const loud = told.filter((line) => !line.includes('"level":"debug"'));
  // Once, in words: it stands until somebody acts, and its stack says nothing.
  expect([told.length > 5, loud.length]).toEqual([true, 1]);
  expect(loud.join()).toContain('"level":"warn"');
  expect(lines.join()).not.toMatch(/"stack":/);
  expect(await db.count("SELECT count(*) FROM movements")).toBe(0);
  expect(await dump(opened.redis)).toEqual(before);
});
