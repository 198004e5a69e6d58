/** Asks BullMQ to wake a worker when a hold is due: once a second and process, not once a hold. */
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { Log } from "#lib/log";
import { JOBS, QUEUE_NAME, QUEUE_PREFIX } from "#workers/catalog";

/** Seconds that are remembered as asked for; holds live at most a day of 86 400 s. */
const REMEMBERED_MAX = 200_000;
/** Failed jobs that stay for a person to look at. */
const FAILED_KEPT = 1_000;

export interface WakeUpsOptions {
  /** Connected; fails fast: a wake-up that cannot be asked for is left to the sweep. */
  readonly connection: Redis;
  readonly log: Log;
}

export class WakeUps implements AsyncDisposable {
  readonly #queue: Queue;
  readonly #log: Log;
  readonly #asked = new Set<string>();

  constructor(options: WakeUpsOptions) {
    this.#log = options.log;
    this.#queue = new Queue(QUEUE_NAME, {
      connection: options.connection,
      prefix: QUEUE_PREFIX,
      defaultJobOptions: {
        removeOnComplete: true,
        removeOnFail: { count: FAILED_KEPT },
        attempts: JOBS.expire.attempts,
        backoff: { type: "exponential", delay: 100 },
      },
    });
    this.#queue.on("error", (error) => options.log.debug("wake-ups", { error }));
  }

  /** Something is due in that second of Redis's clock, `inMs` from now. Never waits, never fails. */
  wakeAt(partition: number, second: number, inMs: number): void {
    const id = `expire-${partition}-${second}`;
    if (this.#asked.has(id)) return;
    this.#remember(id);
    const delay = Math.max(0, Math.ceil(inMs));
    this.#queue
      .add("expire", { partition, second }, { jobId: id, delay })
      .catch((error: unknown) => {
        this.#asked.delete(id);
        const reason = error instanceof Error ? error.message : String(error);
        this.#log.warn("a wake-up was not taken; the sweep will do its work", { id, reason });
      });
  }

  /** What was asked for may be gone with all else that Redis had. */
  forget(partition: number): void {
    for (const id of this.#asked) if (id.startsWith(`expire-${partition}-`)) this.#asked.delete(id);
  }

  /** The oldest are forgotten first: at worst a job is added a second time, and ignored. */
  #remember(id: string): void {
    this.#asked.add(id);
    if (this.#asked.size <= REMEMBERED_MAX) return;
    const [oldest] = this.#asked;
    if (oldest !== undefined) this.#asked.delete(oldest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.close();
  }
}
