/** A stock store over a real Redis, for tests of the scripts and the write path. */
import type { Redis } from "ioredis";
import { CustomerId, Location, OrderId, ProductId, Sku } from "#inventory/model";
import type {
  AdjustCommand,
  AmendCommand,
  ConfirmCommand,
  EpochLedger,
  ExtendCommand,
  InitializeCommand,
  Operation,
  ReserveCommand,
  ReturnCommand,
  SellCommand,
} from "#inventory/ports";
import {
  DEFAULT_ATTRIBUTES,
  totalsOf,
  type Product,
  type Reservation,
  type ReservationId,
  type Totals,
} from "#inventory/model";
import { ownerOf } from "#inventory/owner";
import { steadyClock } from "#lib/clock";
import { randomId } from "#lib/ids";
import { createLog } from "#lib/log";
import { connectRedis } from "#redis/client";
import { RedisConnection } from "#redis/connection";
import { Partition } from "#redis/partition";
import { RedisStockStore } from "#redis/stock-store";
import { until } from "#test/until";

const silent = createLog({ level: "error", format: "json", write: () => undefined });

/** An epoch ledger without PostgreSQL: counts epochs, knows no movements. */
export function memoryEpochs(): EpochLedger {
  let epoch = 0;
  return {
    storeId: "store-of-this-test",
    async begin(_partition, _runId, ask) {
      epoch += 1;
      return await ask(epoch, { epoch: 0, seq: 0 });
    },
  };
}

export interface TestStore extends AsyncDisposable {
  readonly store: RedisStockStore;
  readonly redis: Redis;
  readonly partitions: readonly Partition[];
  readonly dueSeconds: Set<number>;
  /** Owners that expire reported. */
  readonly damaged: readonly string[];
}

export interface StoreOptions {
  readonly epochs?: EpochLedger;
  readonly partitions?: number;
  readonly journalEntriesMax?: number;
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
  const connection = new RedisConnection({
    redis,
    partitions,
    epochs: options.epochs ?? memoryEpochs(),
    log: silent,
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
    redis,
    partitions,
    dueSeconds,
    damaged,
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}

export const soon = (ms = 5_000): number => steadyClock.now() + ms;
const context = { actor: "test:test" };

export const product = (id: string): ProductId => ProductId.parse(id);

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

/** An Idempotency-Key and the body it came with, as hashes. */
export function operation(key: string, body = "body"): Operation {
  const hash = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex");
  return { key: hash(key).slice(0, 32), payload: hash(body).slice(0, 16) };
}

export function initializeCommand(
  id: string,
  initialStock: number,
  more: Partial<InitializeCommand> = {},
): InitializeCommand {
  return {
    ...DEFAULT_ATTRIBUTES,
    productId: product(id),
    sku: Sku.parse(`SKU-${id}`),
    location: Location.parse("Warehouse A"),
    initialStock,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

/** A reserve command; the owner is the hash that order and products would have. */
export function reserveCommand(
  order: string,
  lines: Readonly<Record<string, number>>,
  more: Partial<ReserveCommand> = {},
): ReserveCommand {
  return {
    owner: new Bun.CryptoHasher("sha256").update(order).digest("hex").slice(0, 32),
    generation: randomId(8),
    customerId: CustomerId.parse("customer-1"),
    orderId: OrderId.parse(order),
    lines: Object.entries(lines).map(([id, quantity]) => {
      return { productId: product(id), quantity, location: null };
    }),
    holdSeconds: 900,
    mode: "all_or_nothing",
    dryRun: false,
    adds: false,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

export function sellCommand(
  id: string,
  quantity: number,
  more: Partial<SellCommand> = {},
): SellCommand {
  return {
    productId: product(id),
    quantity,
    location: null,
    expectedQuantity: null,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

/** A return of units of an order, of which the ledger says that so many were sold. */
export function returnCommand(
  id: string,
  quantity: number,
  sales: ReturnCommand["sales"],
  more: Partial<ReturnCommand> = {},
): ReturnCommand {
  return {
    productId: product(id),
    location: null,
    quantity,
    disposition: "restock",
    owner: ownerOf(null, OrderId.parse("o1"), product(id)),
    sales,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

export function endCommand(
  reservationId: ReservationId,
  more: Partial<ConfirmCommand> = {},
): ConfirmCommand {
  return {
    reservationId,
    customerId: null,
    lines: null,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

export function adjustCommand(
  id: string,
  delta: number,
  more: Partial<AdjustCommand> = {},
): AdjustCommand {
  return {
    productId: product(id),
    location: null,
    delta,
    type: "ADJUSTMENT",
    expectedQuantity: null,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

export function amendCommand(
  id: string,
  changes: AmendCommand["changes"],
  more: Partial<AmendCommand> = {},
): AmendCommand {
  return {
    productId: product(id),
    changes,
    expectedSeq: null,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

export function extendCommand(
  reservationId: ReservationId,
  holdSeconds: number,
  more: Partial<ExtendCommand> = {},
): ExtendCommand {
  return {
    reservationId,
    customerId: null,
    holdSeconds,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
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
