/**
 * Does what a companion has written down that it will do (an outbox): at once, and where that fails again
 * and again until it is done. The tables say what is to be done; a job of BullMQ only brings it about,
 * tried with growing pauses. A look at the tables from time to time finds what has no job: because Redis
 * was away when it was written, forgot it, or because the process died in between.
 *
 * The same job may be done twice, by two processes at once: the work is of a kind where that is no harm,
 * as a call under a key that stands in the row.
 */
import { Queue, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { deadlineAfter, withDeadline } from "#lib/deadline";
import type { Log } from "#lib/log";
import { pause } from "#lib/pause";

const CONCURRENCY = 8;
/** With pauses of up to half a minute: a week. Then the look at the tables makes another job of it. */
const TRIES_MAX = 20_000;
const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 30_000;
const LOOK_EVERY_MS = 2_000;
const LOOKED_AT_MAX = 1_000;
/** A job whose process was killed is taken up by another after this; a running one renews it. */
const LOCK_MS = 5_000;
/** A job that is under way may end by itself when we stop; one that waits longer for others is left as by a kill. */
const CLOSE_MS_MAX = 1_500;

export interface Relay {
  /** Has it done soon. Never rejects: the look finds it otherwise. While it waits it is one job. */
  readonly wake: (job: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface RelayOptions {
  /** Whose it is: the prefix of its keys in Redis. */
  readonly service: string;
  readonly queue: string;
  /** A connection for the queue, which fails fast, and one for the worker, which waits. */
  readonly queueRedis: Redis;
  readonly workerRedis: Redis;
  readonly log: Log;
  /** The oldest jobs that nobody seems to be at, at most so many. A job is a word and an id, as `row-17`. */
  readonly waiting: (most: number) => Promise<readonly string[]>;
  /** Does it, and writes down that it is done; nothing where it is done. Rejects: later again. */
  readonly work: (job: string) => Promise<void>;
  /** Writes down why it is not done yet. */
  readonly failed: (job: string, why: string) => Promise<void>;
}

export function startRelay(options: RelayOptions): Relay {
  const { service, queue: name, queueRedis, workerRedis, log, waiting, work, failed } = options;
  // The braces put all of BullMQ's keys on one slot of a cluster.
  const prefix = `{${service}}`;
  const queue = new Queue(name, { connection: queueRedis, prefix });
  const worker = new Worker(
    name,
    async ({ id: job = "" }) => {
      try {
        await work(job);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        await failed(job, why);
        log.warn("what was written down is not done yet", { service, job, why });
        throw error;
      }
    },
    {
      connection: workerRedis,
      prefix,
      concurrency: CONCURRENCY,
      lockDuration: LOCK_MS,
      stalledInterval: LOOK_EVERY_MS,
      // A job that stalls with each of its processes is no worse than one that fails.
      maxStalledCount: TRIES_MAX,
      settings: { backoffStrategy: pauseMs },
    },
  );
  const onError = (error: Error): void =>
    log.debug("the relay's queue", { service, error: error.message });
  queue.on("error", onError);
  worker.on("error", onError);
  const wake = async (job: string): Promise<void> => {
    const kept = {
      jobId: job,
      attempts: TRIES_MAX,
      backoff: { type: "custom" },
      removeOnComplete: true,
      removeOnFail: true,
      // Each try would add its own to what is kept of the job; why it failed stands in the table.
      stackTraceLimit: 1,
    };
    try {
      await queue.add(name, {}, kept);
    } catch (error) {
      log.debug("a job waits for the next look", { service, job, error });
    }
  };
  const stopping = new AbortController();
  const looking = (async () => {
    while (!stopping.signal.aborted) {
      try {
        for (const job of await waiting(LOOKED_AT_MAX)) {
          if (stopping.signal.aborted) break;
          await wake(job);
        }
      } catch (error) {
        log.warn("what is to be done cannot be looked at", { service, error });
      }
      await pause(LOOK_EVERY_MS, stopping.signal);
    }
  })();
  return {
    wake,
    async close() {
      stopping.abort();
      // Nobody looks on, and no job is begun any more; who is left behind by it finds no connections.
      const closing = looking.then(() => worker.close()).then(() => queue.close());
      closing.catch(onError);
      const isLate = await withDeadline(
        closing.then(() => false),
        deadlineAfter(CLOSE_MS_MAX),
        () => true,
      );
      if (isLate) log.info("a job is left to whoever takes it up", { service });
    },
  };
}

/** Doubled from the first to the last, and some chance, so that not all come back at once. */
function pauseMs(tries: number): number {
  const whole = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** Math.min(tries - 1, 10));
  return Math.round(whole * (0.5 + Math.random() / 2));
}
