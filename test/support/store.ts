/** A stock store over a real Redis, for tests of the scripts and the write path. */
import type { Redis } from "ioredis";
import type { RegisterLocationCommand } from "#inventory/location-ports";
import type { EpochLedger, InitializeCommand, ReserveCommand } from "#inventory/ports";
import {
  totalsOf,
  type Product,
  type RegisteredLocation,
  type Reservation,
  type Totals,
} from "#inventory/model";
import { steadyClock } from "#lib/clock";
import { createLog } from "#lib/log";
import { connectRedis } from "#redis/client";
import { RedisConnection } from "#redis/connection";
import { Partition } from "#redis/partition";
import type { Waitlist } from "#inventory/waitlist-ports";
import { RedisStockStore } from "#redis/stock-store";
import { createWaitlist } from "#redis/waitlist";
import {
  initializeCommand,
  product,
  registerLocationCommand,
  reserveCommand,
  soon,
} from "#test/commands";
import { until } from "#test/until";

export * from "#test/commands";

/** An epoch ledger without PostgreSQL: counts epochs, knows no movements. */
export function memoryEpochs(): EpochLedger {
  let epoch = 0;
  return {
    storeId: "store-of-this-test",
    beganAfter: () => Promise.resolve([]),
    use: () => Promise.resolve([]),
    note: () => Promise.resolve(),
    report: () => Promise.resolve(),
    async begin(_partition, _runId, ask) {
      epoch += 1;
      return await ask(epoch, { epoch: 0, seq: 0 });
    },
  };
}

export interface TestStore extends AsyncDisposable {
  readonly store: RedisStockStore;
  readonly waitlist: Waitlist;
  readonly redis: Redis;
  readonly partitions: readonly Partition[];
  readonly dueSeconds: Set<number>;
  /** Owners that expire reported. */
  readonly damaged: readonly string[];
  /** What the connection wrote into the log, as JSON. */
  readonly lines: readonly string[];
}

export interface StoreOptions {
  readonly epochs?: EpochLedger;
  readonly partitions?: number;
  readonly journalEntriesMax?: number;
  /** How often the process looks at Redis without being asked to. */
  readonly attendEveryMs?: number;
  /** How long to wait until every partition is open. */
  readonly openWithinMs?: number;
}

/** Opens a store on that Redis; several on one Redis are several processes to it. */
export async function openStore(url: string, options: StoreOptions = {}): Promise<TestStore> {
  const redis = connectRedis(url, "test");
  const partitions = Array.from(
    { length: options.partitions ?? 1 },
    (_, number) => new Partition(number, steadyClock),
  );
  const lines: string[] = [];
  const connection = new RedisConnection({
    redis,
    partitions,
    epochs: options.epochs ?? memoryEpochs(),
    log: createLog({ level: "warn", format: "json", write: (line) => void lines.push(line) }),
    ...(options.attendEveryMs === undefined ? {} : { attendEveryMs: options.attendEveryMs }),
  });
  const dueSeconds = new Set<number>();
  const damaged: string[] = [];
  const store = new RedisStockStore({
    redis,
    partitions,
    clock: steadyClock,
    journalEntriesMax: options.journalEntriesMax ?? 10_000_000,
    recheck: (partition) => connection.recheck(partition),
    onDue: (_partition, second) => void dueSeconds.add(second),
    batchSizes: () => () => undefined,
    onOutcome: () => undefined,
    onDamaged: (_partition, owners) => void damaged.push(...owners),
    onFailure: () => undefined,
  });
  await redis.connect();
  try {
    await until(() => partitions.every((partition) => partition.state === "open"), {
      withinMs: options.openWithinMs ?? 5_000,
      what: "every partition is open",
    });
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    throw error;
  }
  return {
    store,
    waitlist: createWaitlist({ store, onDue: (_partition, second) => void dueSeconds.add(second) }),
    redis,
    partitions,
    dueSeconds,
    damaged,
    lines,
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}

/** Makes a product with units at `Warehouse A`. */
export async function initialize(
  store: RedisStockStore,
  id: string,
  initialStock: number,
  more: Partial<InitializeCommand> = {},
): Promise<void> {
  const outcome = await store.initialize(initializeCommand(id, initialStock, more));
  if (outcome.kind !== "initialized") throw new Error(`initialize answered ${outcome.kind}`);
}

/** The product as it stands. */
export async function productOf(store: RedisStockStore, id: string): Promise<Product> {
  const found = await store.product(product(id), soon());
  if (!found) throw new Error(`there is no product ${id}`);
  return found;
}

export async function totals(store: RedisStockStore, id: string): Promise<Totals> {
  return totalsOf(await productOf(store, id));
}

/** A hold with a due time, as all are that do not stand. */
export type TimedHold = Reservation & { readonly expiresAt: number };

export function timed(hold: Reservation): TimedHold {
  const { expiresAt } = hold;
  if (expiresAt === null) throw new Error("the hold stands");
  return { ...hold, expiresAt };
}

/** Reserves; throws unless a new hold with a due time was made. */
export async function reserve(
  store: RedisStockStore,
  order: string,
  lines: Readonly<Record<string, number>>,
  more: Partial<ReserveCommand> = {},
): Promise<TimedHold> {
  const outcome = await store.reserve(reserveCommand(order, lines, more));
  if (outcome.kind !== "reserved") throw new Error(`reserve answered ${outcome.kind}`);
  return timed(outcome.reservation);
}

/** Registers a location; throws unless it is new. */
export async function register(
  store: RedisStockStore,
  location: string,
  more: Partial<RegisterLocationCommand> = {},
): Promise<RegisteredLocation> {
  const outcome = await store.registerLocation(registerLocationCommand(location, more));
  if (outcome.kind !== "registered") throw new Error(`register answered ${outcome.kind}`);
  return outcome.registered;
}

/** Holds on carts of 100 products each: together more lines than one call of a script touches. */
export async function reserveBigCarts(
  store: RedisStockStore,
  carts: number,
): Promise<Reservation[]> {
  const ids = Array.from({ length: 100 }, (_, i) => `cart-line-${i}`);
  await Promise.all(ids.map((id) => initialize(store, id, 1_000)));
  const lines = Object.fromEntries(ids.map((id) => [id, 1]));
  return Promise.all(
    Array.from({ length: carts }, (_, cart) => reserve(store, `big cart ${cart}`, lines)),
  );
}
