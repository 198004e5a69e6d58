import { expect, test } from "bun:test";
import { reservationIdOf, splitReservationId } from "#inventory/reservation-id";
import { redisOfFile } from "#test/redis";
import {
  adjustCommand,
  initialize,
  initializeCommand,
  product,
  reserve,
  soon,
  totals,
} from "#test/store";

const { redis, open } = await redisOfFile();

async function calls(command: string): Promise<number> {
  const info = await redis.info("commandstats");
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(info)?.[1] ?? 0);
}

test("reads of one turn share a round trip, each distinct product once", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  await initialize(store, "p2", 60);
  const before = { products: await calls("hgetall"), metas: await calls("hmget") };
  const found = await Promise.all(
    Array.from({ length: 100 }, (_, i) => store.product(product(`p${1 + (i % 2)}`), soon())),
  );
  expect(found.map((it) => it?.levels[0]?.onHand)).toEqual(
    Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? 50 : 60)),
  );
  expect(await calls("hgetall")).toBe(before.products + 2);
  expect(await calls("hmget")).toBe(before.metas + 1);
});

test("a read answers what an earlier answered change has left, never older", async () => {
  const { store } = await open();
  const other = await open();
  await initialize(store, "p1", 0);
  for (let i = 1; i <= 50; i += 1) {
    await store.adjust(adjustCommand("p1", 1));
    expect((await totals(other.store, "p1")).onHand).toBe(i);
  }
});

test("a read is refused by a server that stands behind what was answered", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  await store.adjust(adjustCommand("p1", 1));
  await redis.hset("{p0}:meta", "seq", "1");
  const reading = store.product(product("p1"), soon());
  await expect(reading).rejects.toMatchObject({ code: "partition_fenced" });
  expect(await redis.hget("{p0}:meta", "fence")).toBe("behind:2");
  await redis.hset("{p0}:meta", "seq", "2");
  await redis.hdel("{p0}:meta", "fence");
});

test("a key that cannot be read fails alone, the other reads of its turn have their answer", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  await redis.set("{p0}:stock:broken", "not a hash");
  const [broken, good, positions] = await Promise.allSettled([
    store.product(product("broken"), soon()),
    store.product(product("p1"), soon()),
    store.positions(soon()),
  ]);
  const message: unknown = expect.stringContaining("WRONGTYPE");
  expect(broken).toMatchObject({ status: "rejected", reason: { message } });
  expect(good).toMatchObject({ status: "fulfilled", value: { productId: "p1" } });
  expect(positions).toMatchObject({ status: "fulfilled", value: [{ seq: 1, drained: 0 }] });
  await redis.del("{p0}:stock:broken");
});

test("what is not there is null: product, SKU, reservation, another generation of it", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  const { reservationId } = await reserve(store, "o1", { p1: 1 });
  const { owner, generation } = splitReservationId(reservationId);
  expect(await store.product(product("nothing"), soon())).toBeNull();
  expect(await store.reservation(reservationIdOf(0, owner, "00000000"), soon())).toBeNull();
  expect(await store.reservation(reservationIdOf(9, owner, generation), soon())).toBeNull();
  const nobody = reservationIdOf(0, "0".repeat(32), generation);
  expect(await store.reservation(nobody, soon())).toBeNull();
});

test("a read without an answer by its deadline is refused, never taken for one that found nothing", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  const { reservationId } = await reserve(store, "o1", { p1: 1 });
  await redis.client("PAUSE", 500, "ALL");
  const reads = [
    store.product(product("p1"), soon(50)),
    store.reservation(reservationId, soon(50)),
    store.productOfSku(initializeCommand("p1", 0).sku, soon(50)),
    store.lowStock(10, soon(50)),
  ];
  for (const outcome of await Promise.allSettled(reads)) {
    expect(outcome).toMatchObject({ status: "rejected", reason: { code: "redis_unavailable" } });
  }
  await redis.ping();
});
