import { expect, test } from "bun:test";
import type { Movement } from "#inventory/model";
import { splitReservationId } from "#inventory/reservation-id";
import { decodeEntry } from "#redis/journal";
import { dump } from "#test/keyspace";
import { redisOfFile } from "#test/redis";
import {
  endCommand,
  initialize,
  operation,
  product,
  reserve,
  reserveCommand,
  soon,
  totals,
} from "#test/store";
import { until } from "#test/until";

/** Reserving again for the same owner: the table of the inventory API, line by line. */
const { redis, open } = await redisOfFile();

async function journal(): Promise<Movement[]> {
  const entries = await redis.xrange("{p0}:journal", "-", "+");
  return entries.flatMap(([id, fields]) => decodeEntry(0, id, fields).movements);
}

test("a live hold of the same quantity is answered as it is: same id, same due time", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  await initialize(store, "p2", 50);
  const hold = await reserve(store, "o1", { p1: 3, p2: 4 });
  const before = await dump(redis);
  const again = reserveCommand("o1", { p2: 4, p1: 3 }, { holdSeconds: 3_600 });
  expect(await store.reserve(again)).toEqual({
    kind: "held",
    short: [],
    reservation: hold,
    replayed: false,
  });
  expect(await dump(redis)).toEqual(before);
});

test("who finds a hold asks for its wake-up, as its maker may never have heard of it", async () => {
  const maker = await open();
  await initialize(maker.store, "p1", 50);
  const hold = await reserve(maker.store, "o1", { p1: 3 });
  const { store, dueSeconds } = await open();
  await store.reserve(reserveCommand("o1", { p1: 3 }));
  expect([...dueSeconds]).toEqual([hold.expiresAt / 1_000]);
});

test("a late copy of a reserve that found its hold replaces none that came after it, though nothing moved", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  const first = await reserve(store, "o1", { p1: 3 });
  const found = reserveCommand("o1", { p1: 3 }, { operation: operation("found") });
  expect(await store.reserve(found)).toMatchObject({ kind: "held", replayed: false });
  const next = await reserve(store, "o1", { p1: 5 });
  const before = await dump(redis);
  expect(await store.reserve(found)).toMatchObject({
    kind: "held",
    replayed: true,
    reservation: { reservationId: first.reservationId },
  });
  expect(await dump(redis)).toEqual(before);
  expect(await store.confirm(endCommand(next.reservationId))).toMatchObject({ kind: "done" });
});

test("another quantity is a new hold, and the old one ends as replaced in one step", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  const old = await reserve(store, "o1", { p1: 40 });
  const next = await reserve(store, "o1", { p1: 45 });
  expect(next.reservationId).not.toBe(old.reservationId);
  expect((await totals(store, "p1")).reserved).toBe(45);
  expect(await journal()).toMatchObject([
    { type: "INITIAL" },
    { type: "RESERVE", reservationId: old.reservationId, reservedAfter: 40 },
    { type: "RELEASE", reservationId: old.reservationId, reservedBefore: 40, reservedAfter: 0 },
    { type: "RESERVE", reservationId: next.reservationId, reservedAfter: 45 },
  ]);
  const [id = "", fields = []] = (await redis.xrevrange("{p0}:journal", "+", "-"))[0] ?? [];
  expect(decodeEntry(0, id, fields).reservations).toMatchObject([
    { reservationId: old.reservationId, status: "CANCELLED", endReason: "replaced" },
    { reservationId: next.reservationId, status: "ACTIVE" },
  ]);
  // The old id neither confirms nor cancels nor shows the new hold.
  expect(await store.confirm(endCommand(old.reservationId))).toEqual({ kind: "superseded" });
  expect(await store.cancel(endCommand(old.reservationId))).toEqual({ kind: "superseded" });
  expect(await store.reservation(old.reservationId, soon())).toBeNull();
  expect((await totals(store, "p1")).reserved).toBe(45);
});

test("other products are a new hold too, and those of the old one come back", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  await initialize(store, "p2", 5);
  await reserve(store, "o1", { p1: 5, p2: 1 });
  await reserve(store, "o1", { p2: 5 });
  expect((await totals(store, "p1")).reserved).toBe(0);
  expect((await totals(store, "p2")).reserved).toBe(5);
});

test("a part of the products, in the same quantities, is a new hold of that part", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  await initialize(store, "p2", 5);
  await reserve(store, "o1", { p1: 3, p2: 4 });
  await reserve(store, "o1", { p1: 3 });
  expect((await totals(store, "p1")).reserved).toBe(3);
  expect((await totals(store, "p2")).reserved).toBe(0);
});

test("not enough for the new quantity leaves the old hold as it is", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  const hold = await reserve(store, "o1", { p1: 3 });
  expect(await store.reserve(reserveCommand("o1", { p1: 6 }))).toMatchObject({
    kind: "insufficient",
    lines: [{ productId: product("p1"), requested: 6, largest: 5 }],
  });
  expect(await store.reservation(hold.reservationId, soon())).toEqual(hold);
  expect((await totals(store, "p1")).reserved).toBe(3);
});

test("the units of the old hold count for the new one, those of others do not", async () => {
  const { store } = await open();
  await initialize(store, "p1", 10, { safetyStock: 1 });
  await reserve(store, "o1", { p1: 5 });
  await reserve(store, "other", { p1: 2 });
  expect(await store.reserve(reserveCommand("o1", { p1: 8 }))).toMatchObject({
    kind: "insufficient",
    lines: [{ requested: 8, largest: 7 }],
  });
  await reserve(store, "o1", { p1: 7 });
});

test("after a confirm it answers what was confirmed, and takes nothing", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  const hold = await reserve(store, "o1", { p1: 3 });
  const confirmed = await store.confirm(endCommand(hold.reservationId));
  if (confirmed.kind !== "done") throw new Error(`confirm answered ${confirmed.kind}`);
  const before = await dump(redis);
  for (const quantity of [3, 4]) {
    expect(await store.reserve(reserveCommand("o1", { p1: quantity }))).toEqual({
      kind: "already_confirmed",
      reservation: confirmed.reservation,
    });
  }
  expect(await dump(redis)).toEqual(before);
});

test("after a confirm of one part, too: the rest is not replaced", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  const hold = await reserve(store, "o1", { p1: 3 });
  const lines = [{ productId: product("p1"), quantity: 1 }];
  await store.confirm(endCommand(hold.reservationId, { lines }));
  expect(await store.reserve(reserveCommand("o1", { p1: 5 }))).toMatchObject({
    kind: "already_confirmed",
    reservation: { status: "ACTIVE", allocations: [{ held: 2, confirmed: 1 }] },
  });
});

test("after a cancel it is a new hold", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  const old = await reserve(store, "o1", { p1: 3 });
  await store.cancel(endCommand(old.reservationId));
  const next = await reserve(store, "o1", { p1: 3 });
  expect(next.reservationId).not.toBe(old.reservationId);
  expect((await totals(store, "p1")).reserved).toBe(3);
  expect(await redis.pttl(`{p0}:reservation:${splitReservationId(next.reservationId).owner}`)).toBe(
    -1,
  );
});

test("past its due time the hold is released and taken anew, though nobody ran expire", async () => {
  const { store } = await open();
  await initialize(store, "p1", 3);
  const old = await reserve(store, "o1", { p1: 3 }, { holdSeconds: 1 });
  const again = reserveCommand("o1", { p1: 3 });
  const next = await until(
    async () => {
      const outcome = await store.reserve(again);
      return outcome.kind === "reserved" && outcome.reservation;
    },
    { withinMs: 5_000, what: "the hold is due and taken anew" },
  );
  expect(next.createdAt).toBeGreaterThanOrEqual(old.expiresAt);
  expect((await journal()).map(({ type }) => type)).toEqual([
    "INITIAL",
    "RESERVE",
    "EXPIRE",
    "RESERVE",
  ]);
  expect((await totals(store, "p1")).reserved).toBe(3);
});

test("twice in one batch, the later one sees the earlier one", async () => {
  const { store } = await open();
  await initialize(store, "p1", 5);
  const outcomes = await Promise.all([
    store.reserve(reserveCommand("o1", { p1: 2 })),
    store.reserve(reserveCommand("o1", { p1: 2 })),
    store.reserve(reserveCommand("o1", { p1: 3 })),
    store.reserve(reserveCommand("o2", { p1: 2 })),
    store.reserve(reserveCommand("o3", { p1: 1 })),
  ]);
  const kinds = outcomes.map(({ kind }) => kind);
  expect(kinds).toEqual(["reserved", "held", "reserved", "reserved", "insufficient"]);
  expect((await totals(store, "p1")).reserved).toBe(5);
});
