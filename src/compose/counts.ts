/** The worker's runs of counts, and the queue that wakes them. */
import type { Stores, Urls } from "#compose/stores";
import type { CountRuns } from "#inventory/count-run-ports";
import { processClock } from "#lib/clock";
import type { Log } from "#lib/log";
import type { Shutdown } from "#lib/shutdown";
import type { CountRunsTable } from "#postgres/count-runs";
import { connectWorker } from "#redis/client";
import type { CountQueue } from "#workers/counts/queue";
import { CountWorker } from "#workers/counts/worker";

/** The table of runs, whose askers wake a worker. */
export function openCountRuns(table: CountRunsTable, queue: CountQueue): CountRuns {
  return {
    read: (id, deadline) => table.read(id, deadline),
    errors: (id, after, limit, deadline) => table.errors(id, after, limit, deadline),
    list: (cursor, limit, deadline) => table.list(cursor, limit, deadline),
    async ask(run, deadline) {
      const asked = await table.ask(run, deadline);
      if (asked === "key_reused") return { kind: "key_reused" };
      if (asked === "full") return { kind: "too_many_open" };
      if (asked === "made") await queue.wake(run.id);
      const noted = await table.read(run.id, deadline);
      if (noted === null) throw new Error("a run is gone that was just noted");
      return { kind: "asked", run: noted, replayed: asked === "known" };
    },
  };
}

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
