/** Asks BullMQ to wake a worker for a run, and for one each night. The truth is the table of runs. */
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { Log } from "#lib/log";
import { QUEUE_PREFIX, RECONCILE_JOBS, RECONCILE_QUEUE } from "#workers/catalog";

const NIGHTLY = "nightly";

export interface ReconcileQueueOptions {
  /** Connected; fails fast. */
  readonly connection: Redis;
  readonly log: Log;
}

export class ReconcileQueue implements AsyncDisposable {
  readonly #queue: Queue;
  readonly #log: Log;

  constructor({ connection, log }: ReconcileQueueOptions) {
    this.#log = log;
    this.#queue = new Queue(RECONCILE_QUEUE, {
      connection,
      prefix: QUEUE_PREFIX,
      defaultJobOptions: {
        removeOnComplete: true,
        // A job that stayed would keep its run from ever being woken again.
        removeOnFail: true,
        attempts: RECONCILE_JOBS.reconcile.attempts,
        backoff: { type: "exponential", delay: 1_000 },
      },
    });
    this.#queue.on("error", (error) => log.debug("reconcile queue", { error }));
  }

  /** Never fails: a worker that starts looks for runs that wait. */
  async wake(id: string): Promise<void> {
    try {
      await this.#queue.add("reconcile", { id }, { jobId: `reconcile-${id}` });
    } catch (error) {
      this.#log.warn("a reconcile run waits for the next worker that starts", { id, error });
    }
  }

  /** Never fails; `pattern` is cron's, in UTC; null: no run comes by itself. */
  async schedule(pattern: string | null): Promise<void> {
    try {
      if (pattern === null) await this.#queue.removeJobScheduler(NIGHTLY);
      else {
        const template = { name: NIGHTLY, data: {} };
        await this.#queue.upsertJobScheduler(NIGHTLY, { pattern, tz: "UTC" }, template);
      }
    } catch (error) {
      this.#log.warn("the nightly comparison could not be scheduled yet", { error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.close();
  }
}
