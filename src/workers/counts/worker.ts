/** Puts right the counts that come by the ten thousand, one run at a time. */
import { Worker, type Job } from "bullmq";
import type { Redis } from "ioredis";
import type { Deps } from "#inventory/context";
import { Fault } from "#inventory/faults";
import { deadlineAfter, withDeadline } from "#lib/deadline";
import type { Log } from "#lib/log";
import { COUNT_JOBS, COUNT_QUEUE, QUEUE_PREFIX } from "#workers/catalog";
import { countRun, type CountRunSteps } from "#workers/counts/run";

/** How often open runs are looked for: those whose server or worker was away go on then. */
const LOOK_MS = 5_000;
/** Of a worker that died, the run is free after this and a look. */
const LOCK_MS = 10_000;
const STALLED_LOOK_MS = 5_000;
/** A run is picked up again however often its worker died. */
const STALLED_MAX = 1_000_000;
const CLOSE_MS_MAX = 3_500;

/** The table of runs, as the worker sees it. */
interface Runs extends CountRunSteps {
  open(): Promise<readonly string[]>;
  setBack(id: string, why: string): Promise<void>;
  end(id: string, status: "completed" | "rejected" | "failed", why: string | null): Promise<void>;
}

export interface CountWorkerOptions {
  readonly deps: Pick<Deps, "store" | "ledger" | "clock">;
  /** For the worker: never gives up (`maxRetriesPerRequest: null`). */
  readonly workerConnection: Redis;
  readonly runs: Runs;
  readonly log: Log;
  readonly wake: (id: string) => Promise<void>;
}

/** The process stops: the run is for another one. */
class Stopped extends Error {}

export class CountWorker implements AsyncDisposable {
  readonly #options: CountWorkerOptions;
  readonly #worker: Worker;
  readonly #looks: ReturnType<typeof setInterval>;
  #isStopping = false;

  constructor(options: CountWorkerOptions) {
    this.#options = options;
    const { workerConnection, log } = options;
    this.#worker = new Worker(COUNT_QUEUE, (job) => this.#handle(job), {
      connection: workerConnection,
      prefix: QUEUE_PREFIX,
      concurrency: 1,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_LOOK_MS,
      maxStalledCount: STALLED_MAX,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    });
    this.#worker.on("error", (error) => log.debug("count queue", { error: error.message }));
    this.#looks = setInterval(() => void this.#look(), LOOK_MS);
    void this.#look();
  }

  /** Ends after the chunk at hand; the next worker goes on behind it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#looks);
    const isAway = this.#options.workerConnection.status !== "ready";
    await withDeadline(this.#worker.close(isAway), deadlineAfter(CLOSE_MS_MAX), () => {
      this.#options.log.warn("the count queue was left with a run at hand");
    });
  }

  async #look(): Promise<void> {
    try {
      for (const id of await this.#options.runs.open()) await this.#options.wake(id);
    } catch (error) {
      this.#options.log.debug("the open runs of counts could not be read", { error });
    }
  }

  async #handle(job: Job): Promise<null> {
    const { id } = COUNT_JOBS.count.payload.parse(job.data);
    const { deps, runs, log } = this.#options;
    const onChunk = (): void => {
      if (this.#isStopping) throw new Stopped("the process stops");
    };
    const run = await runs.begin(id);
    if (run === null) return null;
    try {
      const end = await countRun({ deps, steps: runs, onChunk }, run);
      if (end === null) return null;
      await runs.end(id, end, null);
      log.info("a run of counts has ended", { id, status: end, rows: run.rows });
    } catch (error) {
      if (error instanceof Stopped) throw error;
      if (error instanceof Fault && error.retryable) {
        await runs.setBack(id, `${error.code}: ${error.message}`);
        throw error;
      }
      log.error("a run of counts could not be finished", { id, error });
      await runs.end(id, "failed", "internal_error");
    }
    return null;
  }
}
