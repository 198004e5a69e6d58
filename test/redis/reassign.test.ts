/** A live hold gets another owner: none of its units is free in between, and each of them is explained. */
import { describe, expect, test } from "bun:test";
import { Location } from "#inventory/model";
import { splitReservationId } from "#inventory/reservation-id";
import { decodeEntry } from "#redis/journal";
import { dump } from "#test/keyspace";
import { clockAt, redisOfFile } from "#test/redis";
import {
  amendCommand,
  endCommand,
  extendCommand,
  initialize,
  operation,
  product,
  reassignCommand,
  register,
  reserve,
  soon,
  timed,
  totals,
  transferCommand,
  type TestStore,
} from "#test/store";

const { redis, open } = await redisOfFile();

type Store = TestStore["store"];

async function lastEntry() {
  const [id = "", fields = []] = (await redis.xrevrange("{p0}:journal", "+", "-"))[0] ?? [];
  return decodeEntry(0, id, fields);
}

/** What came of it, which must be a hold. */
async function reassign(store: Store, ...of: Parameters<typeof reassignCommand>) {
  const outcome = await store.reassign(reassignCommand(...of));
  if (outcome.kind !== "done") throw new Error(`reassign answered ${outcome.kind}`);
  return timed(outcome.reservation);
}

describe("reassign", () => {
  test("moves the units to a hold of the new owner, each explained twice and free at no moment", async () => {
    const { store, dueSeconds } = await open();
    await initialize(store, "p1", 5, { lowStockThreshold: 3 });
    await initialize(store, "p2", 9);
    const guest = await reserve(store, "guest", { p1: 5, p2: 2 }, { holdSeconds: 60 });
    dueSeconds.clear();
    const reference = guest.reservationId;
    const context = { actor: "test:test", reason: "reassigned", reference };
    const hold = await reassign(store, guest.reservationId, "account", { context });
    expect(hold).toMatchObject({
      orderId: "account",
      // Whom nobody named is who it was.
      customerId: "customer-1",
      status: "ACTIVE",
      expiresAt: guest.expiresAt,
      allocations: guest.allocations,
    });
    expect([...dueSeconds]).toEqual([guest.expiresAt / 1_000]);
    const { movements, reservations, crossings } = await lastEntry();
    const from = { reservationId: guest.reservationId, orderId: "guest", reference };
    const to = { reservationId: hold.reservationId, orderId: "account", reference };
    expect(movements).toMatchObject([
      { type: "RELEASE", productId: "p1", reservedBefore: 5, reservedAfter: 0, ...from },
      { type: "RESERVE", productId: "p1", reservedBefore: 0, reservedAfter: 5, ...to },
      { type: "RELEASE", productId: "p2", reservedBefore: 2, reservedAfter: 0, ...from },
      { type: "RESERVE", productId: "p2", reservedBefore: 0, reservedAfter: 2, ...to },
    ]);
    expect(reservations).toMatchObject([
      { reservationId: guest.reservationId, status: "CANCELLED", endReason: "reassigned" },
      { reservationId: hold.reservationId, status: "ACTIVE", endReason: "" },
    ]);
    expect(crossings).toEqual([]);
    expect(await totals(store, "p1")).toEqual({ onHand: 5, reserved: 5, available: 0 });
    expect(await store.confirm(endCommand(hold.reservationId))).toMatchObject({ kind: "done" });
  });

  test("ends the old hold for good: it neither confirms nor cancels nor lives longer", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const { reservationId } = await reserve(store, "guest", { p1: 3 });
    await reassign(store, reservationId, "account");
    const before = await dump(redis);
    const ended = {
      kind: "cancelled",
      reservation: { reservationId, status: "CANCELLED", endReason: "reassigned" },
    };
    expect(await store.confirm(endCommand(reservationId))).toMatchObject(ended);
    const late = endCommand(reservationId, { reacquireAs: "saleaaaa" });
    expect(await store.confirm(late)).toMatchObject(ended);
    expect(await store.cancel(endCommand(reservationId))).toMatchObject(ended);
    expect(await store.extend(extendCommand(reservationId, 60))).toMatchObject(ended);
    expect(await store.reassign(reassignCommand(reservationId, "third"))).toMatchObject(ended);
    expect(await dump(redis)).toEqual(before);
    // Its owner may have another one, which is its own.
    await reserve(store, "guest", { p1: 2 });
    expect(await store.confirm(endCommand(reservationId))).toEqual({ kind: "superseded" });
    expect(await totals(store, "p1")).toEqual({ onHand: 5, reserved: 5, available: 0 });
  });

  test("takes no notice of inactive locations and of safety stock", async () => {
    const { store } = await open();
    const b = Location.parse("Warehouse B");
    await initialize(store, "p1", 6);
    await store.transfer(transferCommand("p1", 2));
    const { reservationId } = await reserve(store, "guest", { p1: 5 });
    await register(store, "Warehouse A", { active: false });
    await store.amend(amendCommand("p1", { safetyStock: 100 }));
    const hold = await reassign(store, reservationId, "account");
    expect(hold.allocations).toMatchObject([{ held: 4 }, { location: b, held: 1 }]);
    expect(await totals(store, "p1")).toEqual({ onHand: 6, reserved: 5, available: 0 });
  });

  test("takes along what is held still, and leaves what was cancelled", async () => {
    const { store } = await open();
    await initialize(store, "p1", 6);
    await initialize(store, "p2", 6);
    const { reservationId } = await reserve(store, "guest", { p1: 5, p2: 1 });
    const lines = [
      { productId: product("p1"), quantity: 2 },
      { productId: product("p2"), quantity: 1 },
    ];
    await store.cancel(endCommand(reservationId, { lines }));
    const { allocations } = await reassign(store, reservationId, "account");
    expect(allocations).toMatchObject([{ productId: "p1", held: 3, released: 0 }]);
  });

  test("to the owner it has is no change: it is answered as it is", async () => {
    const { store } = await open();
    await initialize(store, "p1", 6);
    const hold = await reserve(store, "guest", { p1: 5 });
    const before = await dump(redis);
    const keyed = { operation: operation("k1") };
    for (const more of [{}, keyed, keyed]) {
      expect(await reassign(store, hold.reservationId, "guest", more)).toEqual(hold);
    }
    expect(await dump(redis)).toEqual(before);
  });

  test("lets no unit be held longer by handing it to and fro", async () => {
    const { store } = await open();
    await initialize(store, "p1", 6);
    const first = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 60 });
    await clockAt(redis, first.createdAt + 50_000);
    const second = await reassign(store, first.reservationId, "o2");
    const third = await reassign(store, second.reservationId, "o1");
    expect(third.reservationId).not.toBe(first.reservationId);
    expect([second.expiresAt, third.expiresAt]).toEqual([first.expiresAt, first.expiresAt]);
    expect(third.createdAt).toBe(first.createdAt + 50_000);
    await clockAt(redis, first.expiresAt);
    expect(await store.confirm(endCommand(third.reservationId))).toMatchObject({ kind: "expired" });
  });

  test("is due when it was, and the entry of its old owner releases nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 6);
    const old = await reserve(store, "guest", { p1: 2 }, { holdSeconds: 60 });
    const hold = await reassign(store, old.reservationId, "account");
    const next = await reserve(store, "guest", { p1: 3 }, { holdSeconds: 600 });
    await clockAt(redis, hold.expiresAt - 1);
    expect(await store.expire(0)).toEqual({ expired: 0, more: false });
    await clockAt(redis, hold.expiresAt);
    expect(await store.expire(0)).toEqual({ expired: 1, more: false });
    expect(await store.reservation(hold.reservationId, soon())).toMatchObject({
      status: "EXPIRED",
      endReason: "expired",
    });
    expect(await store.reservation(next.reservationId, soon())).toMatchObject({ status: "ACTIVE" });
    expect(await totals(store, "p1")).toEqual({ onHand: 6, reserved: 3, available: 3 });
  });
});

describe("reassign to an owner with a live hold", () => {
  test("adds the lines to it, the same product and location summed", async () => {
    const { store } = await open();
    for (const id of ["p1", "p2", "p3"]) await initialize(store, id, 9);
    const mine = await reserve(store, "account", { p1: 2, p2: 1 });
    const { reservationId } = await reserve(store, "guest", { p3: 4, p1: 3 });
    const hold = await reassign(store, reservationId, "account");
    expect(hold.reservationId).toBe(mine.reservationId);
    expect(hold.createdAt).toBe(mine.createdAt);
    expect(hold.allocations.map(({ productId, held }) => [productId, held])).toEqual([
      [product("p1"), 5],
      [product("p2"), 1],
      [product("p3"), 4],
    ]);
    expect(await totals(store, "p1")).toEqual({ onHand: 9, reserved: 5, available: 4 });
    expect(await store.cancel(endCommand(hold.reservationId))).toMatchObject({ kind: "done" });
    expect(await totals(store, "p1")).toEqual({ onHand: 9, reserved: 0, available: 9 });
  });

  test("lets it be due with the later of both, never sooner than it was nor beyond its longest life", async () => {
    const { store } = await open();
    await initialize(store, "p1", 90);
    const merged = async (order: string, own: number, added: number, holdSecondsMax: number) => {
      const mine = await reserve(store, order, { p1: 1 }, { holdSeconds: own });
      const guest = await reserve(store, `${order} guest`, { p1: 1 }, { holdSeconds: added });
      const hold = await reassign(store, guest.reservationId, order, { holdSecondsMax });
      const lists = await redis.lrange(`{p0}:expiring:${hold.expiresAt / 1_000}`, 0, -1);
      expect(lists).toContain(splitReservationId(hold.reservationId).owner);
      return { mine, guest, hold };
    };
    const later = await merged("later", 60, 600, 86_400);
    expect(later.hold.expiresAt).toBe(later.guest.expiresAt);
    const sooner = await merged("sooner", 600, 60, 86_400);
    expect(sooner.hold.expiresAt).toBe(sooner.mine.expiresAt);
    const bounded = await merged("bounded", 60, 600, 120);
    const latest = Math.ceil(bounded.mine.createdAt / 1_000 + 120) * 1_000;
    expect(bounded.hold.expiresAt).toBe(latest);
    const longer = await merged("made when it was longer", 300, 600, 120);
    expect(longer.hold.expiresAt).toBe(longer.mine.expiresAt);
  });

  test("makes one of several in one batch, and hands one on through it", async () => {
    const { store } = await open();
    await initialize(store, "p1", 90);
    const holds = await Promise.all([1, 2, 3].map((i) => reserve(store, `o${i}`, { p1: i })));
    const all = holds.map(({ reservationId }) => reassign(store, reservationId, "account"));
    const ids = new Set((await Promise.all(all)).map(({ reservationId }) => reservationId));
    expect(ids.size).toBe(1);
    const [id = holds[0]?.reservationId] = ids;
    const found = id && (await store.reservation(id, soon()));
    if (!found) throw new Error("the hold is gone");
    expect(found.allocations).toMatchObject([{ held: 6 }]);
    // From the account to a second one, and what comes later to the account stays there.
    const last = await reserve(store, "o4", { p1: 1 });
    const [moved] = await Promise.all([
      store.reassign(reassignCommand(found.reservationId, "second")),
      store.reassign(reassignCommand(last.reservationId, "account")),
    ]);
    expect(moved).toMatchObject({ reservation: { allocations: [{ held: 6 }] } });
    expect(await totals(store, "p1")).toEqual({ onHand: 90, reserved: 7, available: 83 });
  });

  test("past its due time makes a hold of its own, when that one has been released", async () => {
    const { store } = await open();
    await initialize(store, "p1", 9);
    const mine = await reserve(store, "account", { p1: 2 }, { holdSeconds: 10 });
    const guest = await reserve(store, "guest", { p1: 3 });
    await clockAt(redis, mine.expiresAt);
    const hold = await reassign(store, guest.reservationId, "account");
    expect(hold.reservationId).not.toBe(mine.reservationId);
    expect(hold.allocations).toMatchObject([{ held: 3, released: 0 }]);
    expect(await totals(store, "p1")).toEqual({ onHand: 9, reserved: 3, available: 6 });
  });
});
