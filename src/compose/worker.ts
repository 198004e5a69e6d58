/** The worker's part: the drain into the ledger, and expiry. */
import type { Config } from "#config";
import { startCountWorker } from "#compose/counts";
import { startReconcileWorker } from "#compose/reconcile";
import { openRebuilding } from "#compose/rebuild";
import type { Stores, Urls } from "#compose/stores";
import type { Watch } from "#compose/watch";
import { finishReceipts } from "#inventory/receive";
import { processClock, systemClock } from "#lib/clock";
import { deadlineAfter, withDeadline } from "#lib/deadline";
import type { Log } from "#lib/log";
import type { Metrics } from "#lib/metrics";
import type { Shutdown } from "#lib/shutdown";
import { forgetOperations } from "#postgres/forget-operations";
import { createLedgerWriter } from "#postgres/ledger-writer";
import { createPseudonymWork } from "#postgres/pseudonymizations";
import { createRemoval } from "#postgres/remove-ended";
import { connectBlocking, connectWorker } from "#redis/client";
import { createCountedCustomers } from "#redis/forget-customer";
import { createJournal } from "#redis/journal";
import { startDrain } from "#workers/drain-journal";
import { ExpiryWorker } from "#workers/expire";
import { OfferWorker } from "#workers/offer";
import { Pseudonymizer } from "#workers/pseudonymize";
import { Rebuilder } from "#workers/rebuilder";
import { startUpkeep } from "#workers/upkeep";

/** The drain tries again by itself: a start is not held up by a Redis that is away. */
const CONNECTED_MS_MAX = 2_000;

export interface WorkerOptions extends Urls {
  readonly config: Config;
  readonly stores: Stores;
  readonly watch: Watch;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly shutdown: Shutdown;
}

/** Starts draining and expiring; the shutdown ends both after the work at hand. */
export async function startWorker(options: WorkerOptions): Promise<void> {
  const { config, stores, watch, metrics, log, shutdown, redisUrl } = options;
  const blocking = stores.partitions.map(({ number }) =>
    connectBlocking(redisUrl, `holdfast-drain-${number}`),
  );
  for (const redis of blocking) {
    redis.on("error", (error: Error) => log.debug("drain connection", { error: error.message }));
  }
  // Else the first read finds none of them, and says that the journal cannot be drained.
  const connected = Promise.allSettled(blocking.map((redis) => redis.connect()));
  await withDeadline(connected, deadlineAfter(CONNECTED_MS_MAX), () => null);
  const journal = createJournal({
    redis: stores.redis,
    blocking: (partition) => {
      const redis = blocking[partition];
      if (!redis) throw new Error(`there is no partition ${partition}`);
      return redis;
    },
    partitions: stores.partitions.length,
    storeId: stores.storeId,
    keepEntries: config.journalEntriesKept,
  });
  const offering = new OfferWorker({
    waitlist: stores.waitlist,
    partitions: stores.partitions.length,
    clock: processClock,
    metrics,
    log,
  });
  shutdown.add("offers", () => offering[Symbol.asyncDispose]());
  const drain = startDrain({
    journal,
    onRead: (partition, entries) => offering.look(partition, entries),
    ledgerWriter: createLedgerWriter(stores.writerSql, { chain: config.ledgerChain }),
    clock: systemClock,
    log,
    metrics,
    onFenced: (partition, reason) => {
      watch.drainStopped(partition);
      log.error("the drain stopped: the journal does not follow the ledger", { partition, reason });
      const gap = { partition, kind: "gap", productId: null, units: null, detail: reason } as const;
      stores.alertDesk.raise(gap).catch((error: unknown) => {
        log.error("an alert could not be raised", { partition, kind: gap.kind, error });
      });
    },
  });
  const workerConnection = connectWorker(redisUrl, "holdfast-expiry");
  const expiry = new ExpiryWorker({
    store: stores.store,
    workerConnection,
    metrics,
    log,
  });
  startReconcileWorker(options);
  startCountWorker(options);
  shutdown.add("expiry", async () => {
    await expiry[Symbol.asyncDispose]();
    workerConnection.disconnect();
  });
  const rebuilding = openRebuilding(options, stores);
  const rebuilder = new Rebuilder({
    ...rebuilding,
    log,
    fenced: () =>
      stores.partitions.filter(({ state }) => state === "fenced").map(({ number }) => number),
    // What BullMQ was asked for is gone with Redis: the wake-ups of what is due later, too.
    onRebuilt: (partition, { dueSeconds }) => {
      for (const second of dueSeconds) stores.wakeAt(partition, second);
    },
  });
  for (const partition of stores.partitions) {
    partition.onRebuilt(() => {
      drain.resume(partition.number);
      watch.drainResumed(partition.number);
    });
  }
  const removeEnded = createRemoval(stores.sql, config.retentionDays);
  const upkeep = startUpkeep({
    removeOld: async () => {
      const hasOperations = await forgetOperations(stores.sql);
      return (await removeEnded()) || hasOperations;
    },
    finishReceipts: () => finishReceipts({ ...stores, clock: processClock }),
    log,
  });
  const work = createPseudonymWork(stores.sql, {
    counted: createCountedCustomers(stores.redis, stores.storeId),
    partitions: stores.partitions.length,
  });
  const pseudonymizer = new Pseudonymizer({ work, log });
  shutdown.add("pseudonyms", () => pseudonymizer[Symbol.asyncDispose]());
  shutdown.add("rebuild", async () => {
    upkeep.stop();
    await rebuilder[Symbol.asyncDispose]();
    await rebuilding.close();
  });
  shutdown.add("drain", async () => {
    await drain.stop();
    for (const redis of blocking) redis.disconnect();
  });
}
