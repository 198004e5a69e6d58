/** Opens what every role needs: PostgreSQL at the right schema, Redis admitted, the stock store. */
import type { Redis } from "ioredis";
import { openCountRuns } from "#compose/counts";
import { eventuallyPostgres, eventuallyRedis } from "#compose/eventually";
import { Refusal } from "#compose/refusal";
import type { Config } from "#config";
import type { CountRuns } from "#inventory/count-run-ports";
import type { IncomingStock } from "#inventory/incoming-ports";
import type { RecoveryReports } from "#inventory/recovery-report-ports";
import type { ReconcileRuns, ReconcileRunTable } from "#inventory/reconcile-ports";
import type { AlertDesk, EventLedger, Ledger } from "#inventory/ports";
import type { Waitlist } from "#inventory/waitlist-ports";
import type { Pseudonymizations } from "#inventory/pseudonym-ports";
import { processClock } from "#lib/clock";
import { randomId } from "#lib/ids";
import type { Log } from "#lib/log";
import type { Metrics } from "#lib/metrics";
import { createPostgres, type Sql } from "#postgres/client";
import { createCountRunsTable, type CountRunsTable } from "#postgres/count-runs";
import { createEpochLedger } from "#postgres/epochs";
import { createIncomingStock } from "#postgres/incoming";
import { createAlertDesk, createEventLedger } from "#postgres/event-ledger";
import { createLedger } from "#postgres/ledger";
import { migrate } from "#postgres/migrate";
import { createPseudonymizations } from "#postgres/pseudonymizations";
import { createRunsTable } from "#postgres/reconcile-runs";
import { lowestSetAside } from "#postgres/ledger-standing";
import { readLedgerGaps } from "#postgres/server-settings";
import { createRecoveryReports } from "#postgres/recovery-reports";
import { ensureStore } from "#postgres/store-row";
import { connectRedis } from "#redis/client";
import { RedisConnection } from "#redis/connection";
import { RedisDurability } from "#redis/durability";
import { Partition } from "#redis/partition";
import { readServerSettings } from "#redis/server-settings";
import { RedisRates } from "#redis/rates";
import { RedisStockStore } from "#redis/stock-store";
import { createWaitlist } from "#redis/waitlist";
import { CountQueue } from "#workers/counts/queue";
import { ReconcileQueue } from "#workers/reconcile/queue";
import { WakeUps } from "#workers/wake-ups";

export interface Urls {
  readonly redisUrl: string;
  readonly databaseUrl: string;
}

export interface Stores {
  /** For lists and looks. */
  readonly sql: Sql;
  /** For the drain and for epochs: never behind somebody's long list. */
  readonly writerSql: Sql;
  readonly redis: Redis;
  readonly partitions: readonly Partition[];
  readonly storeId: string;
  readonly store: RedisStockStore;
  readonly waitlist: Waitlist;
  readonly rates: RedisRates;
  readonly durability: RedisDurability;
  /** What the start found missing on Redis, and went on all the same. */
  readonly acceptedGaps: readonly string[];
  readonly ledger: Ledger;
  readonly incoming: IncomingStock;
  readonly runs: ReconcileRunTable;
  readonly reconcileRuns: ReconcileRuns;
  readonly reconcileQueue: ReconcileQueue;
  readonly countRunsTable: CountRunsTable;
  readonly countRuns: CountRuns;
  readonly countQueue: CountQueue;
  readonly queueConnection: Redis;
  readonly events: EventLedger;
  readonly alertDesk: AlertDesk;
  readonly pseudonymizations: Pseudonymizations;
  readonly recoveryReports: RecoveryReports;
  /** Asks for a worker to be woken in that second of Redis's clock. */
  readonly wakeAt: (partition: number, second: number) => void;
  /** Last: closes the connections. */
  close(): Promise<void>;
}

export interface StoresOptions extends Urls {
  readonly config: Config;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Most connections of each pool of PostgreSQL; default: one process's own bounds. */
  readonly connectionsMax?: number | undefined;
}

/** Rejects with an error that a person can act on when a server is away or may not be used. */
export async function openStores(options: StoresOptions): Promise<Stores> {
  const { config, metrics, log, connectionsMax } = options;
  const sql = createPostgres(options.databaseUrl, {
    applicationName: "holdfast",
    ...(connectionsMax === undefined ? {} : { connectionsMax }),
  });
  const writerSql = createPostgres(options.databaseUrl, {
    applicationName: "holdfast-ledger",
    connectionsMax: Math.min(config.partitions + 1, connectionsMax ?? Infinity),
  });
  const store = await eventuallyPostgres({ log, url: options.databaseUrl }, async () => {
    const { applied } = await migrate(sql);
    if (applied.length > 0) log.info("PostgreSQL migrated", { applied });
    await mustKeep(sql, config, log);
    return await ensureStore(sql, config.partitions);
  });
  const name = `holdfast-${randomId(6)}`;
  const redis = connectRedis(options.redisUrl, name);
  const partitions = Array.from(
    { length: config.partitions },
    (_, number) => new Partition(number, processClock),
  );
  const epochs = createEpochLedger(writerSql, store.storeId);
  const connection = new RedisConnection({ redis, partitions, epochs, log });
  const acceptedGaps = await eventuallyRedis({ log, url: options.redisUrl }, redis, () =>
    mustServe(redis, config, log),
  );
  const queueConnection = connectRedis(options.redisUrl, `${name}-queue`);
  await queueConnection.connect();
  const wakeUps = new WakeUps({ connection: queueConnection, log });
  for (const partition of partitions) {
    partition.onRebuilt(() => wakeUps.forget());
  }
  const reconcileQueue = new ReconcileQueue({ connection: queueConnection, log });
  const runs = createRunsTable(sql, processClock);
  const countQueue = new CountQueue({ connection: queueConnection, log });
  const countRunsTable = createCountRunsTable(sql, processClock);
  const stock = new RedisStockStore({
    redis,
    partitions,
    clock: processClock,
    journalEntriesMax: config.journalEntriesMax,
    recheck: (partition) => connection.recheck(partition),
    onDue: (partition, second, inMs) => wakeUps.wakeAt(partition, second, inMs),
    batchSizes: metrics.batchItems,
    onOutcome: metrics.outcome,
    onDamaged: (partition, owners) => {
      metrics.outcome("expire", "damaged", owners.length);
      log.error("holds are due but cannot be released", { partition, owners });
    },
    onFailure: metrics.redisError,
  });
  const wakeAt = (partition: number, second: number): void =>
    wakeUps.wakeAt(partition, second, stock.msUntil(partition, second));
  const durability = new RedisDurability({
    floor: config.durability,
    partitions,
    store: stock,
    clock: processClock,
    setAside: () => lowestSetAside(sql),
    connect: () => {
      const waiting = connectRedis(options.redisUrl, `${name}-durability`);
      waiting.on("error", (error) => log.debug("durability connection", { error: error.message }));
      return waiting;
    },
    onReached: metrics.durabilityReached,
    onFailure: (error) => log.debug("a level of durability could not be looked at", { error }),
  });
  durability.settingsHold(acceptedGaps.length === 0);
  return {
    sql,
    writerSql,
    redis,
    partitions,
    storeId: store.storeId,
    store: stock,
    waitlist: createWaitlist({ store: stock, onDue: wakeAt }),
    durability,
    rates: new RedisRates(redis, partitions, () => metrics.redisError("uncounted")),
    acceptedGaps,
    ledger: createLedger({ sql, clock: processClock }),
    incoming: createIncomingStock({ sql, clock: processClock }),
    runs,
    reconcileQueue,
    queueConnection,
    reconcileRuns: {
      read: (id, deadline) => runs.read(id, deadline),
      list: (cursor, limit, deadline) => runs.list(cursor, limit, deadline),
      async ask(run, deadline) {
        const asked = await runs.ask(run, deadline);
        if (asked === null) return { kind: "key_reused" };
        if (asked === "full") return { kind: "too_many_open" };
        if (asked.made) await reconcileQueue.wake(run.id);
        const noted = await runs.read(run.id, deadline);
        if (noted === null) throw new Error("a run is gone that was just noted");
        return { kind: "asked", run: noted, replayed: !asked.made };
      },
    },
    countRunsTable,
    countQueue,
    countRuns: openCountRuns(countRunsTable, countQueue),
    events: createEventLedger({ sql, clock: processClock }),
    alertDesk: createAlertDesk(writerSql),
    pseudonymizations: createPseudonymizations(sql, processClock),
    recoveryReports: createRecoveryReports(sql, processClock),
    wakeAt,
    close: async () => {
      await wakeUps[Symbol.asyncDispose]();
      await reconcileQueue[Symbol.asyncDispose]();
      await countQueue[Symbol.asyncDispose]();
      queueConnection.disconnect();
      await durability[Symbol.asyncDispose]();
      await connection[Symbol.asyncDispose]();
      await Promise.all([sql.end({ timeout: 2 }), writerSql.end({ timeout: 2 })]);
    },
  };
}

/** Outside production a ledger that may lose what it took is used, and said. */
async function mustKeep(sql: Sql, config: Config, log: Log): Promise<void> {
  const gaps = await readLedgerGaps(sql);
  if (gaps.length === 0) return;
  const message = `PostgreSQL may lose what it has answered: ${gaps.join("; ")}`;
  if (config.production) throw new Refusal(message);
  log.warn(message);
}

/** Answers the gaps that the start goes on with. */
async function mustServe(redis: Redis, config: Config, log: Log): Promise<readonly string[]> {
  const { refusals, warnings, durabilityGaps } = await readServerSettings(redis);
  if (refusals.length > 0) throw new Refusal(`Redis may not be used: ${refusals.join("; ")}`);
  const told = config.durability === "memory" ? [] : durabilityGaps;
  for (const warning of warnings) {
    if (!told.some((gap) => gap.startsWith(warning))) log.warn(warning);
  }
  if (config.durability === "memory" || durabilityGaps.length === 0) return durabilityGaps;
  const why = durabilityGaps.join("; ");
  const message = `Redis does not keep what it answers: ${why} (DURABILITY=${config.durability})`;
  if (config.production) throw new Refusal(message);
  log.warn(message);
  return durabilityGaps;
}
