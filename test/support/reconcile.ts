/** Redis, PostgreSQL, a store and a drain between them: what a comparison of the two is tested on. */
import { Redis } from "ioredis";
import type { Difference, ReconcileReport, ReconcileScope } from "#inventory/reconcile-ports";
import { steadyClock, systemClock } from "#lib/clock";
import { createLog } from "#lib/log";
import { createMetrics } from "#lib/metrics";
import { createEpochLedger } from "#postgres/epochs";
import { createLedgerWriter } from "#postgres/ledger-writer";
import { createReconcileLedger } from "#postgres/reconcile-ledger";
import { ensureStore } from "#postgres/store-row";
import { connectBlocking, connectRedis } from "#redis/client";
import { createJournal } from "#redis/journal";
import { metaKey } from "#redis/keys";
import { createReconcileStock } from "#redis/reconcile-stock";
import type { RedisStockStore } from "#redis/stock-store";
import { startDrain } from "#workers/drain-journal";
import { reconcile } from "#workers/reconcile/run";
import { openLedger, type TestLedger } from "#test/ledger";
import { startRedis } from "#test/servers";
import { openStore } from "#test/store";
import { until } from "#test/until";

const DRAINED_MS_MAX = 5_000;
const silent = createLog({ level: "error", format: "json", write: () => undefined });

export interface ReconcileBed extends AsyncDisposable {
  readonly redisUrl: string;
  /** For looking and for harm. */
  readonly redis: Redis;
  readonly db: TestLedger;
  readonly store: RedisStockStore;
  /** Waits until the ledger has every movement. */
  readonly drained: () => Promise<void>;
  report(scope?: ReconcileScope): Promise<ReconcileReport>;
}

export async function openReconcileBed(
  options: { partitions?: number } = {},
): Promise<ReconcileBed> {
  const { partitions = 1 } = options;
  const server = await startRedis();
  const db = await openLedger({ partitions });
  const { storeId } = await ensureStore(db.sql, partitions);
  const epochs = createEpochLedger(db.sql, storeId);
  const opened = await openStore(server.url, { epochs, partitions });
  const redis = new Redis(server.url);
  const blocking = Array.from({ length: partitions }, () => connectBlocking(server.url, "drain"));
  for (const connection of blocking) await connection.connect();
  const journal = createJournal({
    redis: opened.redis,
    blocking: (partition) => blocking[partition] ?? redis,
    partitions,
    storeId,
    keepEntries: 1_000,
  });
  const drain = startDrain({
    journal,
    ledgerWriter: createLedgerWriter(db.sql),
    clock: systemClock,
    log: silent,
    metrics: createMetrics(),
    onFenced: () => undefined,
  });
  const own = connectRedis(server.url, "reconcile");
  await own.connect();
  const stock = createReconcileStock({ redis: own, partitions, storeId });
  const ledger = createReconcileLedger(db.sql);
  const isDrained = async (): Promise<boolean> => {
    for (let partition = 0; partition < partitions; partition += 1) {
      const seq = Number(await redis.hget(metaKey(partition), "seq"));
      if ((await ledger.cursor(partition)) !== seq) return false;
    }
    return true;
  };
  return {
    redisUrl: server.url,
    redis,
    db,
    store: opened.store,
    drained: async () => {
      await until(isDrained, { withinMs: DRAINED_MS_MAX, what: "the ledger has every movement" });
    },
    report: (scope = { kind: "all" }) =>
      reconcile({ stock, ledger, clock: steadyClock, scope, onProgress: () => undefined }),
    async [Symbol.asyncDispose]() {
      await drain.stop();
      for (const connection of [...blocking, redis, own]) connection.disconnect();
      await opened[Symbol.asyncDispose]();
      await db[Symbol.asyncDispose]();
      await server.stop();
    },
  };
}

/** `kind product`: what a test expects of a report. */
export const namesOf = ({
  differences,
}: {
  readonly differences: readonly Difference[];
}): string[] => differences.map(({ kind, productId }) => `${kind} ${productId ?? "-"}`).toSorted();
