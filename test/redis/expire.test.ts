import { describe, expect, test } from "bun:test";
import type { Reservation } from "#inventory/model";
import { splitReservationId } from "#inventory/reservation-id";
import { expiringKey } from "#redis/keys";
import type { RedisStockStore } from "#redis/stock-store";
import { wordsOfHeader } from "#test/answers";
import { dump, keysLike } from "#test/keyspace";
import { clockAt, redisOfFile } from "#test/redis";
import {
  endCommand,
  extendCommand,
  initialize,
  reserve,
  reserveCommand,
  soon,
  totals,
} from "#test/store";

const { redis, answers, open } = await redisOfFile();

const lastDue = (holds: readonly Reservation[]): number =>
  Math.max(...holds.map(({ expiresAt }) => expiresAt ?? Infinity));

/** Far more than any of these tests needs. */
const STEPS_MAX = 500;

/** Steps until nothing is left; answers what they released and how long the slowest took. */
async function expireAll(store: RedisStockStore) {
  const sum = { expired: 0, steps: 0, slowestMs: 0 };
  for (let more = true; more;) {
    if (sum.steps >= STEPS_MAX) throw new Error(`${STEPS_MAX} steps, and still more is due`);
    const startedAt = performance.now();
    const result = await store.expire(0);
    sum.slowestMs = Math.max(sum.slowestMs, performance.now() - startedAt);
    sum.expired += result.expired;
    sum.steps += 1;
    ({ more } = result);
  }
  return sum;
}

describe("expire", () => {
  test("releases what is due, and nothing a millisecond before its second", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const short = await reserve(store, "o1", { p1: 45 }, { holdSeconds: 60 });
    const long = await reserve(store, "o2", { p1: 2 });
    await clockAt(redis, short.expiresAt - 1);
    expect(await store.expire(0)).toEqual({ expired: 0, more: false });
    expect((await totals(store, "p1")).reserved).toBe(47);
    await clockAt(redis, short.expiresAt);
    expect(await store.expire(0)).toEqual({ expired: 1, more: false });
    expect(await totals(store, "p1")).toEqual({ onHand: 50, reserved: 2, available: 48 });
    expect(await store.reservation(short.reservationId, soon())).toMatchObject({
      status: "EXPIRED",
      endReason: "expired",
      allocations: [{ held: 0, confirmed: 0, released: 45 }],
    });
    expect(await store.reservation(long.reservationId, soon())).toEqual(long);
    expect(await redis.zscore("{p0}:low", "p1")).toBeNull();
    // The due list of the second is gone, that of the other hold is not.
    expect(await keysLike(redis, "{p0}:expiring:")).toEqual([
      `{p0}:expiring:${long.expiresAt / 1_000}`,
    ]);
  });

  test("passes over holds that were confirmed, cancelled, replaced or extended", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const more = { holdSeconds: 1 };
    const sold = await reserve(store, "sold", { p1: 1 }, more);
    const dropped = await reserve(store, "dropped", { p1: 2 }, more);
    const replaced = await reserve(store, "replaced", { p1: 3 }, more);
    const extended = await reserve(store, "extended", { p1: 4 }, more);
    await store.confirm(endCommand(sold.reservationId));
    await store.cancel(endCommand(dropped.reservationId));
    await reserve(store, "replaced", { p1: 5 });
    await store.extend(extendCommand(extended.reservationId, 600));
    await clockAt(redis, lastDue([sold, dropped, replaced, extended]));
    expect(await expireAll(store)).toMatchObject({ expired: 0 });
    expect(await totals(store, "p1")).toEqual({ onHand: 49, reserved: 9, available: 40 });
    expect(await store.confirm(endCommand(extended.reservationId))).toMatchObject({ kind: "done" });
  });

  test("releases a part that is still held, and the hold ends as confirmed", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const hold = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 1 });
    const [line] = hold.allocations;
    if (!line) throw new Error("a hold without lines");
    const lines = [{ productId: line.productId, quantity: 2 }];
    await store.confirm(endCommand(hold.reservationId, { lines }));
    await clockAt(redis, lastDue([hold]));
    expect(await expireAll(store)).toMatchObject({ expired: 1 });
    expect(await store.reservation(hold.reservationId, soon())).toMatchObject({
      status: "CONFIRMED",
      endReason: "confirmed",
      allocations: [{ held: 0, confirmed: 2, released: 3 }],
    });
    expect(await totals(store, "p1")).toEqual({ onHand: 48, reserved: 0, available: 48 });
  });

  test("releases 5 000 holds of one second in bounded steps", async () => {
    const { store } = await open();
    const ids = Array.from({ length: 50 }, (_, i) => `p${i}`);
    await Promise.all(ids.map((id) => initialize(store, id, 1_000)));
    const before = await Promise.all(ids.map((id) => totals(store, id)));
    // The clock stands still, so that all of them end in one second.
    await clockAt(redis, Date.now() + 3_600_000);
    const holds = await Promise.all(
      Array.from({ length: 5_000 }, (_, i) => reserve(store, `o${i}`, { [`p${i % 50}`]: 1 })),
    );
    expect(new Set(holds.map(({ expiresAt }) => expiresAt ?? Infinity)).size).toBe(1);
    await clockAt(redis, lastDue(holds));
    const startedAt = performance.now();
    const { expired, steps, slowestMs } = await expireAll(store);
    const tookMs = performance.now() - startedAt;
    console.log(
      `5 000 holds: ${steps} steps in ${tookMs.toFixed(0)} ms, ` +
        `the slowest ${slowestMs.toFixed(1)} ms with its round trip and fsync`,
    );
    expect(expired).toBe(5_000);
    // A step reads at most 128 entries: fewer steps would mean that one of them did too much.
    expect(steps).toBeGreaterThanOrEqual(Math.ceil(5_000 / 128));
    expect(tookMs).toBeLessThan(5_000);
    expect(await Promise.all(ids.map((id) => totals(store, id)))).toEqual(before);
    expect(await keysLike(redis, "{p0}:expiring:")).toEqual([]);
  });

  test("bounds a step by lines too: carts of 100 products go a few at a time", async () => {
    const { store } = await open();
    const ids = Array.from({ length: 100 }, (_, i) => `p${i}`);
    await Promise.all(ids.map((id) => initialize(store, id, 1_000)));
    const lines = Object.fromEntries(ids.map((id) => [id, 1]));
    const holds = await Promise.all(
      Array.from({ length: 12 }, (_, i) => reserve(store, `o${i}`, lines, { holdSeconds: 1 })),
    );
    await clockAt(redis, lastDue(holds));
    const { expired, steps } = await expireAll(store);
    expect(expired).toBe(12);
    // Four carts are 400 lines, after which a step begins no further hold.
    expect(steps).toBeGreaterThanOrEqual(3);
    expect(await totals(store, "p0")).toEqual({ onHand: 1_000, reserved: 0, available: 1_000 });
  });

  test("catches up after hours without a sweep, in bounded steps", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const hold = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 1 });
    await clockAt(redis, lastDue([hold]));
    // As if nobody had swept for a day: 86 400 empty seconds to look through.
    await redis.hset("{p0}:meta", "swept", String(hold.expiresAt / 1_000 - 86_400));
    const { expired, steps } = await expireAll(store);
    expect(expired).toBe(1);
    expect(steps).toBeGreaterThan(1);
    expect(steps).toBeLessThan(50);
    expect(Number(await redis.hget("{p0}:meta", "swept"))).toBeGreaterThanOrEqual(
      hold.expiresAt / 1_000,
    );
  });

  test("passes over a hold that has more than its product, and releases the others", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    await initialize(store, "p2", 50);
    const broken = await reserve(store, "o1", { p1: 5 });
    const sound = await reserve(store, "o2", { p2: 7 });
    await redis.hset("{p0}:stock:p1", "reserved:Warehouse A", "4");
    await clockAt(redis, lastDue([broken, sound]));
    expect(await store.expire(0)).toEqual({ expired: 1, more: false });
    expect((await totals(store, "p2")).reserved).toBe(0);
    expect(await store.reservation(broken.reservationId, soon())).toMatchObject({
      status: "ACTIVE",
    });
    // Mended, it is released like any other.
    const second = Math.floor(broken.expiresAt / 1_000);
    await redis.hset("{p0}:stock:p1", "reserved:Warehouse A", "5");
    await redis.rpush(expiringKey(0, second), splitReservationId(broken.reservationId).owner);
    await redis.hset("{p0}:meta", "swept", second - 1);
    expect(await store.expire(0)).toEqual({ expired: 1, more: false });
  });

  test("run again in the same second changes nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await clockAt(redis, Date.now() + 3_600_000);
    await store.expire(0);
    const before = await dump(redis);
    expect(await store.expire(0)).toEqual({ expired: 0, more: false });
    expect(await dump(redis)).toEqual(before);
  });
});

test("expire raced by 4 processes releases each hold once", async () => {
  const stores = await Promise.all([open(), open(), open(), open()]);
  const [{ store }] = stores;
  await initialize(store, "p1", 1_000);
  const holds = await Promise.all(
    Array.from({ length: 400 }, (_, i) => reserve(store, `o${i}`, { p1: 2 }, { holdSeconds: 1 })),
  );
  await clockAt(redis, lastDue(holds));
  const results = await Promise.all(stores.map((it) => expireAll(it.store)));
  expect(results.reduce((sum, { expired }) => sum + expired, 0)).toBe(400);
  expect(await totals(store, "p1")).toEqual({ onHand: 1_000, reserved: 0, available: 1_000 });
});

test("callers who fall short where much is due all get their units", async () => {
  const stores = await Promise.all([open(), open()]);
  const [{ store }] = stores;
  await initialize(store, "p1", 300);
  const holds = await Promise.all(
    Array.from({ length: 300 }, (_, i) => reserve(store, `o${i}`, { p1: 1 }, { holdSeconds: 1 })),
  );
  await clockAt(redis, lastDue(holds));
  const outcomes = await Promise.all(
    Array.from({ length: 300 }, (_, i) =>
      stores[i % 2]?.store.reserve(reserveCommand(`next ${i}`, { p1: 1 })),
    ),
  );
  expect(new Set(outcomes.map((it) => it?.kind))).toEqual(new Set(["reserved"]));
});

test("expire produced each word that its header promises", () => {
  const { items } = wordsOfHeader("stock/expire.lua");
  expect(answers.of("stock/expire.lua").items).toEqual([...items]);
});
