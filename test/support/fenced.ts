/** A store whose partition is fenced. */
import { expect } from "bun:test";
import type { Redis } from "ioredis";
import type { StockStore } from "#inventory/ports";
import { dump } from "#test/keyspace";
import { adjustCommand, product, reserveCommand, soon } from "#test/store";

/** Every way to write, and to read, is refused, and the keyspace stays as it is. */
export async function expectFenced(redis: Redis, store: StockStore): Promise<void> {
  await expect(store.adjust(adjustCommand("p1", 1))).rejects.toMatchObject({
    code: "partition_fenced",
  });
  const before = await dump(redis);
  const calls = [
    store.reserve(reserveCommand("o9", { p1: 1 })),
    store.product(product("p1"), soon()),
    store.lowStock(10, soon()),
    store.positions(soon()),
    store.expire(0),
  ];
  for (const outcome of await Promise.allSettled(calls)) {
    expect(outcome).toMatchObject({ status: "rejected", reason: { code: "partition_fenced" } });
  }
  expect(await dump(redis)).toEqual(before);
}
