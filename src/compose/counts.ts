/** The worker's runs of counts, and the queue that wakes them. */
import type { Stores, Urls } from "#compose/stores";
import { processClock } from "#lib/clock";
import type { Log } from "#lib/log";
import type { Shutdown } from "#lib/shutdown";
import { connectWorker } from "#redis/client";
import { CountWorker } from "#workers/counts/worker";

export interface CountOptions extends Urls {
  readonly stores: Stores;
  readonly log: Log;
  readonly shutdown: Shutdown;
}

export function startCountWorker({ stores, log, shutdown, redisUrl }: CountOptions): void {
  const { store, ledger, countRunsTable, countQueue } = stores;
  const workerConnection = connectWorker(redisUrl, "holdfast-count-queue");
  const worker = new CountWorker({
    deps: { store, ledger, clock: processClock },
    workerConnection,
    runs: countRunsTable,
    log,
    wake: (id) => countQueue.wake(id),
  });
  shutdown.add("counts", async () => {
    await worker[Symbol.asyncDispose]();
    workerConnection.disconnect();
  });
}
