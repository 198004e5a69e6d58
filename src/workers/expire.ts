/**
 * The expiry worker. Redis holds the truth about what is due; a job only says when to look. So a
 * job that is lost, late, early or doubled costs at most the time until the next sweep.
 */
import { DelayedError, Worker, type Job } from "bullmq";
import type { Redis } from "ioredis";
import { factsOf, Fault } from "#inventory/faults";
import type { StockStore } from "#inventory/ports";
import { deadlineAfter, withDeadline } from "#lib/deadline";
import type { Log } from "#lib/log";
import type { Metrics } from "#lib/metrics";
import {
  isJobName,
  JOBS,
  QUEUE_NAME,
  QUEUE_PREFIX,
  type Handled,
  type Handlers,
} from "#workers/catalog";

/**
 * How late a hold may be when its wake-up was lost. The sweep is a timer of each worker, not a job:
 * it must come even when BullMQ has lost everything.
 */
export const SWEEP_EVERY_MS = 5_000;
/** Bounded steps of one job or sweep, after which the next one goes on: 128 holds a step. */
const STEPS_MAX = 10_000;
const CONCURRENCY = 8;
/** A job at hand may wait for Redis as long as one step does. */
const CLOSE_MS_MAX = 3_500;

export interface ExpiryWorkerOptions {
  readonly store: StockStore;
  /** For the worker: never gives up (`maxRetriesPerRequest: null`). */
  readonly workerConnection: Redis;
  readonly metrics: Pick<Metrics, "expiryLag" | "outcome">;
  readonly log: Log;
}

export class ExpiryWorker implements AsyncDisposable {
  readonly #options: ExpiryWorkerOptions;
  readonly #worker: Worker;
  readonly #sweeper: ReturnType<typeof setInterval>;
  #sweeping: Promise<void> | null = null;
  /** The Fault that was told last and still stands. */
  #told: string | null = null;
  readonly #handlers: Handlers = {
    expire: async ({ partition, second }) => {
      await this.#endDue(partition);
      const againInMs = this.#options.store.msUntil(partition, second);
      this.#options.metrics.expiryLag(String(partition), Math.max(0, -againInMs) / 1_000);
      return againInMs > 0 ? { againInMs } : null;
    },
  };

  constructor(options: ExpiryWorkerOptions) {
    this.#options = options;
    this.#worker = new Worker(QUEUE_NAME, (job, token) => this.#run(job, token), {
      connection: options.workerConnection,
      prefix: QUEUE_PREFIX,
      concurrency: CONCURRENCY,
      removeOnComplete: { count: 0 },
    });
    this.#worker.on("error", (error) => {
      options.log.debug("expiry queue", { error: error.message });
    });
    this.#worker.on("failed", (job, error) => {
      options.log.warn("an expiry job failed", { job: job?.id, ...factsOf(error) });
    });
    this.#sweeper = setInterval(() => this.#sweepOnce(), SWEEP_EVERY_MS);
    this.#sweepOnce();
  }

  /** Ends after the job and the sweep at hand. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeper);
    // Without Redis there is nothing to wait for, and BullMQ would wait until it is back.
    const isAway = this.#options.workerConnection.status !== "ready";
    const closed = Promise.all([this.#worker.close(isAway), this.#sweeping]);
    await withDeadline(closed, deadlineAfter(CLOSE_MS_MAX), () => {
      this.#options.log.warn("the expiry queue was left with a job at hand");
    });
  }

  #sweepOnce(): void {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = null;
    });
  }

  async #sweep(): Promise<void> {
    const failures: unknown[] = [];
    for (let partition = 0; partition < this.#options.store.partitions; partition += 1) {
      // One that is fenced, or damaged, keeps nothing of another from ending.
      await this.#endDue(partition).catch((error: unknown) => failures.push(error));
    }
    const [error] = failures;
    const told = this.#told;
    this.#told = error instanceof Fault ? error.message : null;
    if (failures.length === 0) return;
    const level = this.#told === null ? "error" : this.#told === told ? "debug" : "warn";
    this.#options.log[level]("a sweep failed", factsOf(error));
  }

  async #run(job: Job, token: string | undefined): Promise<null> {
    const handled = await this.#handle(job);
    if (handled) {
      await job.moveToDelayed(Date.now() + handled.againInMs, token);
      throw new DelayedError();
    }
    return null;
  }

  async #handle(job: Job): Promise<Handled> {
    if (!isJobName(job.name)) throw new Error(`there is no job ${job.name}`);
    return await this.#handlers[job.name](JOBS[job.name].payload.parse(job.data));
  }

  /** Holds first: what they had goes back to their campaign, and what that has left goes back from it. */
  async #endDue(partition: number): Promise<void> {
    await this.#expireAll(partition);
    await this.#options.store.campaigns.turnDue(partition);
  }

  async #expireAll(partition: number): Promise<void> {
    for (let step = 0; step < STEPS_MAX; step += 1) {
      const { expired, more } = await this.#options.store.expire(partition);
      if (expired > 0) this.#options.metrics.outcome("expire", "expired", expired);
      if (!more) break;
    }
  }
}
