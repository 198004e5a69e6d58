/** Opens what every role needs: PostgreSQL at the right schema, Redis admitted, the stock store. */
import type { Redis } from "ioredis";
import { z } from "zod";
import { Refusal } from "#compose/refusal";
import type { Config } from "#config";
import { Fault } from "#inventory/faults";
import type { Ledger } from "#inventory/ports";
import { processClock } from "#lib/clock";
import { randomId } from "#lib/ids";
import type { Log } from "#lib/log";
import type { Metrics } from "#lib/metrics";
import { createPostgres, type Sql } from "#postgres/client";
import { createEpochLedger } from "#postgres/epochs";
import { createLedger } from "#postgres/ledger";
import { migrate } from "#postgres/migrate";
import { ensureStore } from "#postgres/store-row";
import { connectRedis, failureOf } from "#redis/client";
import { RedisConnection } from "#redis/connection";
import { Partition } from "#redis/partition";
import { readServerSettings } from "#redis/server-settings";
import { RedisStockStore } from "#redis/stock-store";
import { WakeUps } from "#workers/wake-ups";

/** How long a start waits for servers that start beside it. */
const CONNECT_MS_MAX = 30_000;
const CONNECT_PAUSE_MS = 250;

export interface Urls {
  readonly redisUrl: string;
  readonly databaseUrl: string;
}

export interface Stores {
  readonly sql: Sql;
  readonly redis: Redis;
  readonly partitions: readonly Partition[];
  readonly store: RedisStockStore;
  readonly ledger: Ledger;
  /** Last: closes the connections. */
  close(): Promise<void>;
}

export interface StoresOptions extends Urls {
  readonly config: Config;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Rejects with an error that a person can act on when a server is away or may not be used. */
export async function openStores(options: StoresOptions): Promise<Stores> {
  const { config, metrics, log } = options;
  const sql = createPostgres(options.databaseUrl, { applicationName: "holdfast" });
  const store = await eventually("PostgreSQL", log, isRetryable, async () => {
    try {
      const { applied } = await migrate(sql);
      if (applied.length > 0) log.info("PostgreSQL migrated", { applied });
      return await ensureStore(sql, config.partitions);
    } catch (error) {
      if (error instanceof Fault) throw error;
      throw new Refusal(messageOf(error), { cause: error });
    }
  });
  const name = `holdfast-${randomId(6)}`;
  const redis = connectRedis(options.redisUrl, name);
  const partitions = Array.from(
    { length: config.partitions },
    (_, number) => new Partition(number, processClock),
  );
  const epochs = createEpochLedger(sql, store.storeId);
  const connection = new RedisConnection({ redis, partitions, epochs, log });
  await eventually("Redis", log, isRedisAway, async () => {
    if (redis.status !== "ready") await redis.connect();
    await mustServe(redis, config, log);
  });
  const queueConnection = connectRedis(options.redisUrl, `${name}-queue`);
  await queueConnection.connect();
  const wakeUps = new WakeUps({ connection: queueConnection, log });
  const stock = new RedisStockStore({
    redis,
    partitions,
    clock: processClock,
    journalEntriesMax: config.journalEntriesMax,
    recheck: (partition) => connection.recheck(partition),
    onDue: (partition, second, inMs) => wakeUps.wakeAt(partition, second, inMs),
    batchSizes: metrics.batchItems,
    onOutcome: metrics.outcome,
    onFailure: metrics.redisError,
  });
  return {
    sql,
    redis,
    partitions,
    store: stock,
    ledger: createLedger({ sql, clock: processClock }),
    close: async () => {
      await wakeUps[Symbol.asyncDispose]();
      queueConnection.disconnect();
      await connection[Symbol.asyncDispose]();
      await sql.end({ timeout: 2 });
    },
  };
}

/** Tries until the server serves or the time is up; what a person must change ends it at once. */
async function eventually<Value>(
  server: string,
  log: Log,
  isAway: (error: unknown) => boolean,
  attempt: () => Promise<Value>,
): Promise<Value> {
  const deadline = processClock.now() + CONNECT_MS_MAX;
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isAway(error)) throw error;
      if (processClock.now() >= deadline) {
        throw new Refusal(`${server} cannot be reached: ${messageOf(error)}`, { cause: error });
      }
      if (tries === 0) log.warn(`waiting for ${server}`, { reason: messageOf(error) });
      await Bun.sleep(CONNECT_PAUSE_MS);
    }
  }
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message || error.name : String(error);

/** Of PostgreSQL everything that will pass is a Fault; the rest is for a person to mend. */
const isRetryable = (error: unknown): boolean => error instanceof Fault && error.retryable;

function isRedisAway(error: unknown): boolean {
  if (error instanceof Refusal || error instanceof z.ZodError) return false;
  return failureOf(error) !== "error";
}

async function mustServe(redis: Redis, config: Config, log: Log): Promise<void> {
  const { refusals, durabilityGaps } = await readServerSettings(redis);
  if (refusals.length > 0) throw new Refusal(`Redis may not be used: ${refusals.join("; ")}`);
  if (config.durability === "memory" || durabilityGaps.length === 0) return;
  const message = `Redis does not keep what it answers (DURABILITY=disk): ${durabilityGaps.join("; ")}`;
  if (config.production) throw new Refusal(message);
  log.warn(message);
}
