/**
 * Tells the inventory what the outbox has: at once, and where that fails again and again until it is done.
 * A row is a job of BullMQ, tried with growing pauses; rows whose job was lost are found by a look at the
 * table from time to time. The same row may be told twice: its key makes it one.
 */
import { Queue, Worker } from "bullmq";
import type { Redis } from "ioredis";
import type { StockOfProducts } from "#companions/products/stock";
import type { Products } from "#companions/products/store";
import type { Log } from "#lib/log";
import { pause } from "#lib/pause";

const QUEUE = "outbox";
/** The braces put all of BullMQ's keys on one slot of a cluster. */
const PREFIX = "{products}";
const CONCURRENCY = 4;
/** With pauses of up to a minute: two weeks. Then the look at the table makes another job of it. */
const TRIES_MAX = 20_000;
const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 60_000;
const LOOK_EVERY_MS = 5_000;
const LOOKED_AT_MAX = 1_000;
/** A job whose process was killed is taken up by another after this; a running one renews it. */
const LOCK_MS = 5_000;

export interface Relay {
  /** Makes a job of a row that was just written. Never rejects: the look finds it otherwise. */
  wake(id: number): Promise<void>;
  close(): Promise<void>;
}

export interface RelayOptions {
  readonly products: Products;
  readonly stock: StockOfProducts;
  /** A connection for the queue, which fails fast, and one for the worker, which waits. */
  readonly queueRedis: Redis;
  readonly workerRedis: Redis;
  readonly log: Log;
  readonly lookEveryMs?: number;
}

export function startRelay(options: RelayOptions): Relay {
  const { products, stock, queueRedis, workerRedis, log, lookEveryMs = LOOK_EVERY_MS } = options;
  const queue = new Queue(QUEUE, { connection: queueRedis, prefix: PREFIX });
  const worker = new Worker(
    QUEUE,
    async ({ data }) => {
      const id = Number(data?.id);
      const waiting = await products.waiting(id);
      if (waiting === null) return;
      try {
        await stock.initialize(waiting.call, waiting.key);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        await products.failed(id, why);
        log.warn("the inventory was not told yet", { productId: waiting.call.productId, why });
        throw error;
      }
      await products.done(id);
    },
    {
      connection: workerRedis,
      prefix: PREFIX,
      concurrency: CONCURRENCY,
      lockDuration: LOCK_MS,
      stalledInterval: LOOK_EVERY_MS,
      settings: { backoffStrategy: pauseMs },
    },
  );
  const onError = (error: Error): void => log.debug("the outbox's queue", { error: error.message });
  queue.on("error", onError);
  worker.on("error", onError);
  const wake = async (id: number): Promise<void> => {
    const job = {
      jobId: `row-${id}`,
      attempts: TRIES_MAX,
      backoff: { type: "custom" },
      removeOnComplete: true,
      removeOnFail: true,
    };
    try {
      await queue.add("initialize", { id }, job);
    } catch (error) {
      log.debug("a job waits for the next look", { id, error });
    }
  };
  const stopping = new AbortController();
  const looking = (async () => {
    while (!stopping.signal.aborted) {
      try {
        for (const { id } of await products.allWaiting(LOOKED_AT_MAX)) await wake(id);
      } catch (error) {
        log.warn("the outbox cannot be looked at", { error });
      }
      await pause(lookEveryMs, stopping.signal);
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
