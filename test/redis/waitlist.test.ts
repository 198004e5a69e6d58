/** Who waits for a product, in line, and what is offered: one after the other, each unit once. */
import { describe, expect, test } from "bun:test";
import { customerField } from "#inventory/limits";
import { CustomerId } from "#inventory/model";
import { WAITING_MAX, WAITS_MAX } from "#inventory/waitlist-ports";
import { stockKey, waitsKey } from "#redis/keys";
import { dump } from "#test/keyspace";
import { clockAt, redisOfFile } from "#test/redis";
import {
  endCommand,
  initialize,
  joinCommand,
  leaveCommand,
  operation,
  product,
  reserve,
  reserveCommand,
  sellCommand,
  soon,
  totals,
  waiting,
} from "#test/store";
import { asWaiting, join, lastEntry, place, soldOut } from "#test/waitlist";

const { redis, open } = await redisOfFile();

describe("join", () => {
  test("begins with nobody while units are due that nobody released: they are there", async () => {
    const of = await soldOut(open, 3);
    await clockAt(redis, of.hold.expiresAt);
    const outcome = await of.waitlist.join(joinCommand("p1", "a", 2));
    expect(outcome).toEqual({ kind: "available", quantity: 2 });
    expect((await of.store.reserve(reserveCommand("b", { p1: 3 }))).kind).toBe("reserved");
  });

  test("puts each at the end of the line, and tells who joins again its place", async () => {
    const of = await soldOut(open);
    expect(await join(of, "a", 2)).toMatchObject({ position: 1, waiting: 1, replayed: false });
    expect(await join(of, "b")).toMatchObject({ position: 2, waiting: 2 });
    const [again, third] = await Promise.all([join(of, "a", 2), join(of, "c")]);
    expect(again).toMatchObject({ position: 1, replayed: false, waiter: { quantity: 2 } });
    expect(third).toMatchObject({ position: 3, waiting: 3 });
    expect(await place(of, "b")).toMatchObject({ kind: "waiting", position: 2, waiting: 3 });
    expect(await place(of, "d")).toEqual({ kind: "absent", waiting: 3 });
  });

  test("keeps the place of who asks for another quantity", async () => {
    const of = await soldOut(open);
    await join(of, "a", 2);
    await join(of, "b");
    expect(await join(of, "a", 3)).toMatchObject({ position: 1, waiter: { quantity: 3 } });
    expect(await place(of, "a")).toMatchObject({ position: 1, waiter: { quantity: 3 } });
  });

  test("is a movement without a product, and a record of who waits for what", async () => {
    const of = await soldOut(open);
    const context = { actor: "test:test", reason: "joined", reference: "waiting:p1" };
    const { waiter } = await join(of, "a", 2, { context });
    const { movements, records } = await lastEntry(redis);
    expect(movements).toMatchObject([
      { type: "RECORD", productId: null, reason: "joined", reference: "waiting:p1" },
    ]);
    const id = `p1/${waiting("p1", "a").owner}`;
    expect(records).toMatchObject([{ kind: "waiting", id, seq: waiter.joinedSeq }]);
  });

  test("is refused where units are there for whom nobody waits", async () => {
    const of = await open();
    await initialize(of.store, "p1", 3);
    const before = await dump(redis);
    expect(await of.waitlist.join(joinCommand("p1", "a", 3))).toEqual({
      kind: "available",
      quantity: 3,
    });
    expect(await of.waitlist.join(joinCommand("p2", "a", 3))).toEqual({ kind: "unknown_product" });
    expect(await dump(redis)).toEqual(before);
    expect(await join(of, "a", 4)).toMatchObject({ position: 1 });
    expect(await join(of, "b", 1)).toMatchObject({ position: 2 });
  });

  test("tells an owner its live hold, and one whose units are sold that they are", async () => {
    const of = await open();
    await initialize(of.store, "p1", 3);
    const held = await of.store.reserve(asWaiting("a", 2));
    if (held.kind !== "reserved") throw new Error(held.kind);
    const { reservation } = held;
    expect(await of.waitlist.join(joinCommand("p1", "a", 2))).toEqual({
      kind: "offered",
      reservation,
    });
    await of.store.confirm(endCommand(reservation.reservationId));
    expect(await of.waitlist.join(joinCommand("p1", "a", 2))).toMatchObject({
      kind: "already_confirmed",
    });
  });

  test("asks for no more than the customer may have", async () => {
    const of = await open();
    await initialize(of.store, "p1", 5, { maxPerCustomer: 3 });
    await reserve(of.store, "first", { p1: 2 });
    const lines = [{ requested: 2, quota: { maxPerCustomer: 3, left: 1 } }];
    expect(await of.waitlist.join(joinCommand("p1", "a", 2))).toMatchObject({
      kind: "above_quota",
      lines,
    });
  });

  test("is refused where a line, or its customer's places, are as many as may be", async () => {
    const of = await soldOut(open);
    await join(of, "a");
    const field = customerField(CustomerId.parse("customer-1"));
    const refused = () => of.waitlist.join(joinCommand("p1", "b", 1));
    await redis.hset(waitsKey(0), field, WAITS_MAX);
    expect(await refused()).toEqual({ kind: "too_many_places" });
    expect((await join(of, "b", 1, { customer: "carol" })).position).toBe(2);
    await redis.hset(waitsKey(0), field, WAITS_MAX - 1);
    await redis.hset(stockKey(0, "p1"), "waiting", WAITING_MAX);
    expect(await refused()).toEqual({ kind: "line_full" });
    // Who has its place keeps it.
    expect((await join(of, "a")).position).toBe(1);
    await redis.hset(stockKey(0, "p1"), "waiting", 2);
    await redis.hset(waitsKey(0), field, 1);
  });

  test("is known by its key, and refused where that was used for something else", async () => {
    const of = await soldOut(open);
    const more = { operation: operation("k1") };
    await join(of, "a", 2, more);
    expect(await join(of, "a", 2, more)).toMatchObject({ position: 1, replayed: true });
    const other = { operation: operation("k1", "another body") };
    expect(await of.waitlist.join(joinCommand("p1", "a", 1, other))).toEqual({
      kind: "key_reused",
    });
  });
});

describe("leave", () => {
  test("takes the owner out of the line, and lets those behind it move up", async () => {
    const of = await soldOut(open);
    for (const order of ["a", "b", "c"]) await join(of, order);
    const left = await of.waitlist.leave(leaveCommand("p1", "a"));
    expect(left).toEqual({ kind: "left", waiting: 2, replayed: false });
    expect(await of.waitlist.leave(leaveCommand("p1", "a"))).toEqual({
      kind: "absent",
      waiting: 2,
    });
    expect(await place(of, "b")).toMatchObject({ position: 1 });
    expect(await place(of, "c")).toMatchObject({ position: 2 });
    expect((await lastEntry(redis)).records).toMatchObject([{ kind: "waiting", text: null }]);
  });

  test("of the last one leaves Redis as it was, and the units to everybody", async () => {
    const of = await soldOut(open);
    const names = async () =>
      (await redis.keys("{p0}:wait*")).concat(await redis.keys("*records*"));
    await join(of, "a");
    expect(await names()).not.toEqual([]);
    await of.waitlist.leave(leaveCommand("p1", "a"));
    expect(await names()).toEqual([]);
    await of.store.cancel(endCommand(of.hold.reservationId));
    expect((await of.store.reserve(reserveCommand("x", { p1: 3 }))).kind).toBe("reserved");
  });
});

describe("while somebody waits", () => {
  test("free units are nobody's but the line's: reserve, sell and a late confirm take none", async () => {
    const of = await soldOut(open);
    const { store, hold } = of;
    const late = await initialize(store, "p2", 1).then(() => hold);
    await join(of, "a");
    await clockAt(redis, hold.expiresAt);
    await store.expire(0);
    expect(await totals(store, "p1")).toMatchObject({ available: 3 });
    const lines = [{ productId: product("p1"), largest: 0, available: 0, waiting: 1 }];
    const refused = { kind: "insufficient", lines };
    expect(await store.reserve(reserveCommand("x", { p1: 1 }))).toMatchObject(refused);
    expect(await store.reserve(asWaiting("a", 1))).toMatchObject(refused);
    expect(await store.sell(sellCommand("p1", 1))).toMatchObject(refused);
    const reacquire = endCommand(late.reservationId, { reacquireAs: "saleaaaa" });
    expect(await store.confirm(reacquire)).toMatchObject(refused);
    const cart = reserveCommand("cart", { p1: 1, p2: 1 }, { mode: "best_effort" });
    expect(await store.reserve(cart)).toMatchObject({
      kind: "reserved",
      short: [{ productId: "p1", waiting: 1 }],
      reservation: { allocations: [{ productId: "p2", held: 1 }] },
    });
    const dry = reserveCommand("x", { p1: 1 }, { dryRun: true });
    expect(await store.reserve(dry)).toMatchObject(refused);
  });

  test("a live hold stays what it is: as much or less of it, and no more", async () => {
    const of = await soldOut(open, 5);
    await of.store.cancel(
      endCommand(of.hold.reservationId, { lines: [{ productId: product("p1"), quantity: 1 }] }),
    );
    await join(of, "a", 2);
    const again = (quantity: number) => of.store.reserve(reserveCommand("first", { p1: quantity }));
    expect(await again(4)).toMatchObject({ kind: "held" });
    expect(await again(5)).toMatchObject({
      kind: "insufficient",
      lines: [{ largest: 4, waiting: 1 }],
    });
    expect(await again(3)).toMatchObject({ kind: "reserved" });
    const standing = { owner: "0b".repeat(16), holdSeconds: null, adds: true } as const;
    expect(await of.store.reserve(reserveCommand("s", { p1: 1 }, standing))).toMatchObject({
      kind: "insufficient",
    });
  });
});

test("the list tells who waits, first in line first, page by page", async () => {
  const of = await soldOut(open);
  for (const order of ["a", "b", "c"]) await join(of, order);
  const line = (after: number) =>
    of.waitlist.line({ productId: product("p1"), after, limit: 2 }, soon());
  const first = await line(0);
  expect(first?.waiters.map(({ orderId }) => String(orderId))).toEqual(["a", "b"]);
  const rest = await line(first?.waiters.at(-1)?.joinedSeq ?? 0);
  expect(rest).toMatchObject({ waiting: 3, waiters: [{ orderId: "c" }] });
  const unknown = { productId: product("p2"), after: 0, limit: 2 };
  expect(await of.waitlist.line(unknown, soon())).toBeNull();
});
