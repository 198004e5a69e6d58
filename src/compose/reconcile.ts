/** The worker's comparisons: what they read and mend with, and the queue that wakes them. */
import type { Config } from "#config";
import type { Stores, Urls } from "#compose/stores";
import { processClock } from "#lib/clock";
import type { Log } from "#lib/log";
import type { Shutdown } from "#lib/shutdown";
import { createLedgerRepairs } from "#postgres/ledger-repairs";
import { createReconcileLedger } from "#postgres/reconcile-ledger";
import { verifyChain } from "#postgres/verify-chain";
import { connectRedis, connectWorker } from "#redis/client";
import { createReconcileStock } from "#redis/reconcile-stock";
import { createStockRepairs } from "#redis/stock-repairs";
import { tellDrift } from "#workers/reconcile/drift";
import { createMender } from "#workers/reconcile/mend";
import { reconcile } from "#workers/reconcile/run";
import { ReconcileWorker } from "#workers/reconcile/worker";

export interface ReconcileOptions extends Urls {
  readonly config: Config;
  readonly stores: Stores;
  readonly log: Log;
  readonly shutdown: Shutdown;
}

export function startReconcileWorker({
  config,
  stores,
  log,
  shutdown,
  redisUrl,
}: ReconcileOptions): void {
  const { storeId, sql, store, runs, reconcileQueue } = stores;
  const redis = connectRedis(redisUrl, "holdfast-reconcile");
  redis.on("error", (error: Error) => log.debug("reconcile connection", { error: error.message }));
  redis.connect().catch(() => null);
  const stock = createReconcileStock({ redis, partitions: stores.partitions.length, storeId });
  const ledger = createReconcileLedger(sql);
  const clock = processClock;
  const { alertDesk, events } = stores;
  const drift = { alertDesk, events, clock, log };
  const workerConnection = connectWorker(redisUrl, "holdfast-reconcile-queue");
  const worker = new ReconcileWorker({
    workerConnection,
    queueConnection: stores.queueConnection,
    runs,
    clock,
    log,
    compare: async ({ id, askedBy, mode, scope }, hands) => {
      const asked = { actor: askedBy, reference: `reconcile ${id}` };
      const mend = createMender({
        stock,
        stockRepairs: createStockRepairs({ redis, storeId, store, clock, ...asked }),
        ledgerRepairs: createLedgerRepairs(sql, asked),
      });
      const chain = async (partition: number, onPage: () => void) => {
        const walked = await verifyChain(sql, partition, { onPage });
        return walked.kind === "broken" ? walked : null;
      };
      const mending = mode === "repair" ? { mend } : {};
      const report = await reconcile({ stock, ledger, clock, scope, chain, ...hands, ...mending });
      await tellDrift(drift, { id, scope }, report);
      return report;
    },
    wake: (id) => reconcileQueue.wake(id),
    schedule: () => reconcileQueue.schedule(config.reconcileCron),
  });
  shutdown.add("reconcile", async () => {
    await worker[Symbol.asyncDispose]();
    workerConnection.disconnect();
    redis.disconnect();
  });
}
