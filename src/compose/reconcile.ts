/** The worker's comparisons: what they read and mend with, and the queue that wakes them. */
import type { Config } from "#config";
import type { Stores, Urls } from "#compose/stores";
import { ProductId } from "#inventory/model";
import type { Difference } from "#inventory/reconcile-ports";
import { processClock } from "#lib/clock";
import type { Log } from "#lib/log";
import type { Shutdown } from "#lib/shutdown";
import { createLedgerRepairs } from "#postgres/ledger-repairs";
import { createReconcileLedger } from "#postgres/reconcile-ledger";
import { connectRedis, connectWorker } from "#redis/client";
import { createReconcileStock } from "#redis/reconcile-stock";
import { createStockRepairs } from "#redis/stock-repairs";
import { createMender } from "#workers/reconcile/mend";
import { reconcile } from "#workers/reconcile/run";
import { ReconcileWorker } from "#workers/reconcile/worker";

/** Alerts of one run; the run itself has all that it kept. */
const DRIFT_MAX = 100;

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
  /** One alert for each product, and one for what is of none: what a run found and left is drift. */
  const raiseDrift = async (id: string, differences: readonly Difference[]): Promise<void> => {
    const left = differences.filter(({ repaired }) => !repaired);
    const firsts = new Map(left.toReversed().map((one) => [one.productId, one]));
    for (const { partition, productId, kind, cause } of [...firsts.values()].slice(0, DRIFT_MAX)) {
      const known = ProductId.safeParse(productId).data ?? null;
      const detail = `${kind}: ${cause} (run ${id})`;
      await stores.alertDesk
        .raise({ partition, kind: "drift", productId: known, units: null, detail })
        .catch((error: unknown) => log.error("drift was not raised as an alert", { id, error }));
    }
  };
  const workerConnection = connectWorker(redisUrl, "holdfast-reconcile-queue");
  const worker = new ReconcileWorker({
    workerConnection,
    queueConnection: stores.queueConnection,
    runs,
    clock,
    log,
    compare: async ({ id, askedBy, mode, scope }, onProgress) => {
      const asked = { actor: askedBy, reference: `reconcile ${id}` };
      const mend = createMender({
        stock,
        stockRepairs: createStockRepairs({ redis, storeId, store, clock, ...asked }),
        ledgerRepairs: createLedgerRepairs(sql, asked),
      });
      const mending = mode === "repair" ? { mend } : {};
      const report = await reconcile({ stock, ledger, clock, scope, onProgress, ...mending });
      await raiseDrift(id, report.differences);
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
