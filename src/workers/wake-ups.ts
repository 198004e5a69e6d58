/** Asks BullMQ to wake a worker when a hold is due: once a second and process, not once a hold. */
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { Log } from "#lib/log";
import { JOBS, QUEUE_NAME, QUEUE_PREFIX } from "#workers/catalog";

/**
 * What was asked for is asked for again after that long, at most twice that, if another hold is due then:
 * should BullMQ's data be lost meanwhile, they are lost for the holds that there were, and no other.
 */
const REMEMBERED_MS = 1_000;
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
  /** Asked for lately, and before that. */
  #asked = new Set<string>();
  #askedBefore = new Set<string>();
  #forgottenAt = 0;

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
    this.#forgetOld();
    if (this.#asked.has(id) || this.#askedBefore.has(id)) return;
    this.#asked.add(id);
    const delay = Math.max(0, Math.ceil(inMs));
    this.#queue
      .add("expire", { partition, second }, { jobId: id, delay })
      .catch((error: unknown) => {
        this.#asked.delete(id);
        this.#askedBefore.delete(id);
        const reason = error instanceof Error ? error.message : String(error);
        this.#log.warn("a wake-up was not taken; the sweep will do its work", { id, reason });
      });
  }

  /** What was asked for may be gone with all else that Redis had: asking twice changes nothing. */
  forget(): void {
    this.#asked.clear();
    this.#askedBefore.clear();
  }

  #forgetOld(): void {
    const now = performance.now();
    if (now < this.#forgottenAt + REMEMBERED_MS) return;
    this.#askedBefore = now < this.#forgottenAt + 2 * REMEMBERED_MS ? this.#asked : new Set();
    this.#asked = new Set();
    this.#forgottenAt = now;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.close();
  }
}
