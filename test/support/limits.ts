/** Limits that have a name, in tests: what customers take under them, and what is counted. */
import { CustomerId, OrderId } from "#inventory/model";
import { customerField } from "#inventory/limits";
import { ownerOf } from "#inventory/owner";
import { ruleKey } from "#redis/keys";
import type { Redis } from "ioredis";
import { clockAt } from "#test/redis";
import { initialize, product, putLimitCommand, reserveCommand, type TestStore } from "#test/store";

type Store = TestStore["store"];
type More = NonNullable<Parameters<typeof reserveCommand>[2]>;
type Units = Readonly<Record<string, number>>;

export const carol = CustomerId.parse("carol");
export const dan = CustomerId.parse("dan");

/** What Redis counts under limits, in a window. */
export const countsIn = (redis: Redis) => {
  const counts = (limitId: string, window = "always"): Promise<Record<string, string>> =>
    redis.hgetall(ruleKey(0, limitId, window));
  const unitsOf = async (customerId: CustomerId, limitId: string, window?: string) =>
    Number((await counts(limitId, window))[customerField(customerId)] ?? "0");
  const holdsOf = async (customerId: CustomerId, limitId: string): Promise<number> =>
    Number((await counts(limitId))[`${customerField(customerId)}:holds`] ?? "0");
  return { counts, unitsOf, holdsOf };
};

export const take = (
  store: Store,
  customerId: CustomerId,
  order: string,
  units: Units,
  more: More = {},
) => {
  const owner = ownerOf(customerId, OrderId.parse(order), "cart");
  return store.reserve(reserveCommand(order, units, { customerId, owner, ...more }));
};

export async function held(
  store: Store,
  customerId: CustomerId,
  order: string,
  units: Units,
  more?: More,
) {
  const outcome = await take(store, customerId, order, units, more);
  if (outcome.kind !== "reserved") throw new Error(`reserve answered ${outcome.kind}`);
  return outcome.reservation;
}

export async function stocked(store: Store, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) await initialize(store, id, 1_000);
}

/** What is made in the very millisecond of it does not count: the clock goes on. */
export async function putLimit(
  redis: Redis,
  store: Store,
  limitId: string,
  more: Parameters<typeof putLimitCommand>[1] = {},
) {
  const outcome = await store.putLimit(putLimitCommand(limitId, more));
  if (!("limit" in outcome)) throw new Error(`put answered ${outcome.kind}`);
  await clockAt(redis, outcome.limit.since);
  return outcome.limit;
}

export const group = (...ids: readonly string[]) => ({ products: ids.map(product) });
