/** A store with its ledger, as one process has them, and what is needed to rebuild it. */
import { openRebuilding, type Rebuilding } from "#compose/rebuild";
import { systemClock } from "#lib/clock";
import { createLog } from "#lib/log";
import { createMetrics } from "#lib/metrics";
import { createEpochLedger } from "#postgres/epochs";
import { connectBlocking } from "#redis/client";
import { createJournal } from "#redis/journal";
import { startDrain } from "#workers/drain-journal";
import { openLedger, type TestLedger } from "#test/ledger";
import { openStore, type StoreOptions, type TestStore } from "#test/store";
import { until } from "#test/until";

export interface RebuildBed extends AsyncDisposable {
  readonly db: TestLedger;
  readonly stores: TestStore;
  readonly use: Rebuilding;
  /** Another rebuilder, as another worker has one. */
  anotherRebuilder(): Rebuilding;
  /** Another process of the same store. */
  anotherProcess(): Promise<TestStore>;
  /** Brings the journals into the ledger. */
  drained(): Promise<void>;
  /** What was reported, in order. */
  reports(): Promise<readonly Record<string, unknown>[]>;
}

/** Longer than any test: the ledger is not told which server is in use. */
export const NEVER_MS = 2 ** 31 - 1;

/** On that Redis, with a database of its own; empties Redis at the end. */
export async function openRebuildBed(
  redisUrl: string,
  partitions = 1,
  more: Pick<StoreOptions, "attendEveryMs"> = {},
): Promise<RebuildBed> {
  const db = await openLedger({ partitions });
  const [row] = await db.sql`SELECT store_id FROM store`;
  const storeId = String(row?.["store_id"]);
  const anotherProcess = () =>
    openStore(redisUrl, { epochs: createEpochLedger(db.sql, storeId), partitions, ...more });
  const stores = await anotherProcess();
  const rebuilders: Rebuilding[] = [];
  const anotherRebuilder = (): Rebuilding => {
    const urls = { redisUrl, databaseUrl: db.url };
    const made = openRebuilding(urls, { redis: stores.redis, storeId });
    rebuilders.push(made);
    return made;
  };
  const use = anotherRebuilder();
  return {
    db,
    stores,
    use,
    anotherRebuilder,
    anotherProcess,
    async drained() {
      const all = Array.from({ length: partitions }, (_, number) => number);
      const blocking = all.map((number) => connectBlocking(redisUrl, `drain-${number}`));
      const journal = createJournal({
        redis: stores.redis,
        blocking: (number) => blocking[number] ?? stores.redis,
        partitions,
        storeId,
        keepEntries: 0,
      });
      const log = createLog({ level: "error", format: "json", write: () => undefined });
      {
        await using _ = startDrain({
          journal,
          ledgerWriter: use.ledgerWriter,
          clock: systemClock,
          log,
          metrics: createMetrics(),
          onFenced: () => undefined,
        });
        for (const number of all) {
          const seq = Number(await stores.redis.hget(`{p${number}}:meta`, "seq"));
          const cursor = `SELECT cursor_seq FROM partitions WHERE partition = ${number}`;
          await until(async () => (await db.count(cursor)) === seq, {
            withinMs: 5_000,
            what: "the ledger has everything",
          });
        }
      }
      for (const connection of blocking) connection.disconnect();
    },
    async reports() {
      return [
        ...(await db.sql`SELECT kind, epoch, from_seq, to_seq, operations, facts
          FROM recovery_reports ORDER BY created_at, report_id`),
      ];
    },
    async [Symbol.asyncDispose]() {
      for (const rebuilder of rebuilders) await rebuilder.close();
      await stores.redis.flushall();
      await stores[Symbol.asyncDispose]();
      await db[Symbol.asyncDispose]();
    },
  };
}
