/** Asks BullMQ to wake a worker for a run of counts. The truth is the table of runs. */
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { Log } from "#lib/log";
import { COUNT_JOBS, COUNT_QUEUE, QUEUE_PREFIX } from "#workers/catalog";

export interface CountQueueOptions {
  /** Connected; fails fast. */
  readonly connection: Redis;
  readonly log: Log;
}

export class CountQueue implements AsyncDisposable {
  readonly #queue: Queue;
  readonly #log: Log;

  constructor({ connection, log }: CountQueueOptions) {
    this.#log = log;
    this.#queue = new Queue(COUNT_QUEUE, {
      connection,
      prefix: QUEUE_PREFIX,
      // A job that failed is in nobody's way: the next look for open runs asks for it again.
      defaultJobOptions: {
        removeOnComplete: true,
        removeOnFail: true,
        attempts: COUNT_JOBS.count.attempts,
      },
    });
    this.#queue.on("error", (error) => log.debug("count queue", { error }));
  }

  /** Never fails, and asks once for a run that waits or is worked on: workers look for open runs. */
  async wake(id: string): Promise<void> {
    try {
      await this.#queue.add("count", { id }, { jobId: `count-${id}` });
    } catch (error) {
      this.#log.debug("a run of counts waits for a worker to look for it", { id, error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.close();
  }
}
