/** A stock store over a real Redis, for tests of the scripts and the write path. */
import type { Redis } from "ioredis";
import { CustomerId, Location, OrderId, ProductId, Sku } from "#inventory/model";
import type { AdjustCommand, EndCommand, EpochLedger, ReserveCommand } from "#inventory/ports";
import { DEFAULT_ATTRIBUTES, type ReservationId } from "#inventory/model";
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
      return await ask(epoch, 0);
    },
  };
}

export interface TestStore extends AsyncDisposable {
  readonly store: RedisStockStore;
  readonly redis: Redis;
  readonly partitions: readonly Partition[];
  readonly dueSeconds: Set<number>;
}

/** Opens a store on that Redis; several on one Redis are several processes to it. */
export async function openStore(
  url: string,
  options: { epochs?: EpochLedger; partitions?: number; journalEntriesMax?: number } = {},
): Promise<TestStore> {
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
  const store = new RedisStockStore({
    redis,
    partitions,
    clock: steadyClock,
    journalEntriesMax: options.journalEntriesMax ?? 10_000_000,
    recheck: (partition) => connection.recheck(partition),
    onDue: (_partition, second) => void dueSeconds.add(second),
    batchSizes: () => () => undefined,
    onFailure: () => undefined,
  });
  await redis.connect();
  await until(() => partitions.every((partition) => partition.state === "open"), {
    withinMs: 5_000,
    what: "every partition is open",
  });
  return {
    store,
    redis,
    partitions,
    dueSeconds,
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
  attributes: { safetyStock?: number; lowStockThreshold?: number } = {},
): Promise<void> {
  const outcome = await store.initialize({
    ...DEFAULT_ATTRIBUTES,
    ...attributes,
    productId: product(id),
    sku: Sku.parse(`SKU-${id}`),
    location: Location.parse("Warehouse A"),
    initialStock,
    context,
    operation: null,
    deadline: soon(),
  });
  if (outcome.kind !== "initialized") throw new Error(`initialize answered ${outcome.kind}`);
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
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

export function endCommand(
  reservationId: ReservationId,
  more: Partial<EndCommand> = {},
): EndCommand {
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
