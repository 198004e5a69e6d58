import { describe, expect, test } from "bun:test";
import { clockAt, redisOfFile } from "#test/redis";
import {
  adjustCommand,
  endCommand,
  initialize,
  operation,
  product,
  reserve,
  reserveCommand,
  totals,
  type TestStore,
} from "#test/store";
import { Location, type Reservation } from "#inventory/model";
import { keysLike } from "#test/keyspace";

const { redis, open } = await redisOfFile();

const FOREVER = { holdSeconds: null } as const;
const ADDS = { ...FOREVER, adds: true } as const;

async function stand(
  store: TestStore["store"],
  order: string,
  lines: Record<string, number>,
  more: Parameters<typeof reserveCommand>[2] = ADDS,
): Promise<Reservation> {
  const outcome = await store.reserve(reserveCommand(order, lines, more));
  if (outcome.kind !== "reserved") throw new Error(`reserve answered ${outcome.kind}`);
  return outcome.reservation;
}

const lines = (quantity: number) => ({ lines: [{ productId: product("p1"), quantity }] });

describe("a standing hold", () => {
  test("is never due: it is in no list and outlives every clock", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const hold = await stand(store, "o1", { p1: 5 });
    expect(hold.expiresAt).toBeNull();
    expect(await keysLike(redis, "{p0}:expiring:")).toEqual([]);
    await clockAt(redis, Date.now() + 30 * 86_400_000);
    expect(await store.expire(0)).toEqual({ expired: 0, more: expect.any(Boolean) });
    expect((await totals(store, "p1")).reserved).toBe(5);
    expect((await store.confirm(endCommand(hold.reservationId))).kind).toBe("done");
  });

  test("grows when its owner reserves again, under the same id, also over locations", async () => {
    const { store } = await open();
    await initialize(store, "p1", 6);
    await store.adjust(adjustCommand("p1", 10, { location: Location.parse("B"), type: "RESTOCK" }));
    const first = await stand(store, "o1", { p1: 4 });
    const second = await stand(store, "o1", { p1: 5 });
    expect(second.reservationId).toBe(first.reservationId);
    expect(second.allocations).toMatchObject([
      { location: "Warehouse A", held: 6 },
      { location: "B", held: 3 },
    ]);
    const refused = await store.reserve(reserveCommand("o1", { p1: 8 }, ADDS));
    expect(refused).toMatchObject({ kind: "insufficient", lines: [{ largest: 7, available: 7 }] });
    expect((await totals(store, "p1")).reserved).toBe(9);
  });

  test("is given back and sold by quantity, and grows again after that", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const { reservationId } = await stand(store, "o1", { p1: 10 });
    await store.cancel(endCommand(reservationId, lines(3)));
    await store.confirm(endCommand(reservationId, lines(2)));
    expect(await totals(store, "p1")).toEqual({ onHand: 48, reserved: 5, available: 43 });
    const grown = await stand(store, "o1", { p1: 1 });
    expect(grown).toMatchObject({
      reservationId,
      allocations: [{ held: 6, confirmed: 2, released: 3 }],
    });
    expect(await store.confirm(endCommand(reservationId, lines(7)))).toMatchObject({
      kind: "exceeds_held",
      held: 6,
    });
    await store.confirm(endCommand(reservationId));
    const next = await stand(store, "o1", { p1: 1 });
    expect(next.reservationId).not.toBe(reservationId);
    expect(await totals(store, "p1")).toEqual({ onHand: 42, reserved: 1, available: 41 });
  });

  test("adds once under one Idempotency-Key, and again without one", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const command = { ...ADDS, operation: operation("k1") };
    await stand(store, "o1", { p1: 5 }, command);
    const again = await store.reserve(reserveCommand("o1", { p1: 5 }, command));
    expect(again).toMatchObject({ kind: "held", replayed: true });
    expect((await totals(store, "p1")).reserved).toBe(5);
    await stand(store, "o1", { p1: 5 });
    expect((await totals(store, "p1")).reserved).toBe(10);
  });

  test("that is not added to is replaced, and the same quantity stands", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const first = await stand(store, "o1", { p1: 5 }, FOREVER);
    const same = await store.reserve(reserveCommand("o1", { p1: 5 }, FOREVER));
    expect(same).toMatchObject({ kind: "held", reservation: first });
    const other = await stand(store, "o1", { p1: 7 }, FOREVER);
    expect(other.reservationId).not.toBe(first.reservationId);
    const timed = await reserve(store, "o1", { p1: 7 });
    expect(timed.reservationId).not.toBe(other.reservationId);
    expect((await totals(store, "p1")).reserved).toBe(7);
  });

  test("may be the product's own, without an order", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const hold = await stand(
      store,
      "nobody",
      { p1: 5 },
      { ...ADDS, orderId: null, customerId: null },
    );
    expect(hold).toMatchObject({ orderId: null, customerId: null });
    expect((await store.cancel(endCommand(hold.reservationId))).kind).toBe("done");
  });

  test("raced by 40 adds and 40 releases from 4 processes keeps count", async () => {
    const stores = await Promise.all([open(), open(), open(), open()]);
    const [{ store }] = stores;
    await initialize(store, "p1", 1_000);
    const { reservationId } = await stand(store, "o1", { p1: 100 });
    await Promise.all(
      Array.from({ length: 80 }, (_, i) => {
        const one = stores[i % stores.length]?.store;
        return i % 2 === 0
          ? one?.reserve(reserveCommand("o1", { p1: 3 }, ADDS))
          : one?.cancel(endCommand(reservationId, lines(2)));
      }),
    );
    expect((await totals(store, "p1")).reserved).toBe(100 + 40 * 3 - 40 * 2);
  });
});
