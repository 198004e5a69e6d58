/**
 * Goes on with what was left in the middle: orders whose step was not certain, or whose process was
 * killed, and holds that are of no order. Each is a job of BullMQ, tried with growing pauses until it is
 * done; those whose job was lost are found by a look at the tables.
 */
import { Queue, Worker } from "bullmq";
import type { Redis } from "ioredis";
import type { Steps } from "#companions/orders/steps";
import type { Orders } from "#companions/orders/store";
import type { Log } from "#lib/log";
import { pause } from "#lib/pause";

const QUEUE = "steps";
/** The braces put all of BullMQ's keys on one slot of a cluster. */
const PREFIX = "{orders}";
const CONCURRENCY = 8;
/** With pauses of up to half a minute: a week. Then the look at the table makes another job of it. */
const TRIES_MAX = 20_000;
const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 30_000;
const LOOK_EVERY_MS = 2_000;
const LOOKED_AT_MAX = 1_000;
/** A job whose process was killed is taken up by another after this; a running one renews it. */
const LOCK_MS = 5_000;

export interface Relay {
  /** Makes a job of an order that has a step to go. Never rejects: the look finds it otherwise. */
  wake(id: number): Promise<void>;
  close(): Promise<void>;
}

export interface RelayOptions {
  readonly orders: Orders;
  readonly steps: Steps;
  /** A connection for the queue, which fails fast, and one for the worker, which waits. */
  readonly queueRedis: Redis;
  readonly workerRedis: Redis;
  readonly log: Log;
}

export function startRelay({ orders, steps, queueRedis, workerRedis, log }: RelayOptions): Relay {
  const queue = new Queue(QUEUE, { connection: queueRedis, prefix: PREFIX });
  const takeUp = async (id: number): Promise<void> => {
    try {
      await steps.takeUp(id);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      await orders.failed(id, why);
      log.warn("a step of an order is not certain yet", { orderId: id, why });
      throw error;
    }
  };
  const worker = new Worker(
    QUEUE,
    async ({ data }) => {
      const stray: unknown = data?.reservationId;
      if (typeof stray === "string") await steps.dropStray(stray);
      else await takeUp(Number(data?.id));
    },
    {
      connection: workerRedis,
      prefix: PREFIX,
      concurrency: CONCURRENCY,
      lockDuration: LOCK_MS,
      stalledInterval: LOOK_EVERY_MS,
      // A job that stalls with each of its processes is no worse than one that fails.
      maxStalledCount: TRIES_MAX,
      settings: { backoffStrategy: pauseMs },
    },
  );
  const onError = (error: Error): void =>
    log.debug("the queue of orders", { error: error.message });
  queue.on("error", onError);
  worker.on("error", onError);
  const add = async (jobId: string, data: object): Promise<void> => {
    const job = {
      jobId,
      attempts: TRIES_MAX,
      backoff: { type: "custom" },
      removeOnComplete: true,
      removeOnFail: true,
    };
    try {
      await queue.add("step", data, job);
    } catch (error) {
      log.debug("a job waits for the next look", { jobId, error });
    }
  };
  const wake = (id: number): Promise<void> => add(`order-${id}`, { id });
  const stopping = new AbortController();
  const looking = (async () => {
    while (!stopping.signal.aborted) {
      try {
        for (const id of await orders.left(LOOKED_AT_MAX)) await wake(id);
        for (const reservationId of await orders.strays(LOOKED_AT_MAX)) {
          await add(`stray-${reservationId}`, { reservationId });
        }
      } catch (error) {
        log.warn("orders cannot be looked at", { error });
      }
      await pause(LOOK_EVERY_MS, stopping.signal);
    }
  })();
  return {
    wake,
    async close() {
      stopping.abort();
      await looking;
      await worker.close();
      await queue.close();
    },
  };
}

/** Doubled from the first to the last, and some chance, so that not all come back at once. */
function pauseMs(tries: number): number {
  const whole = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** Math.min(tries - 1, 10));
  return Math.round(whole * (0.5 + Math.random() / 2));
}
