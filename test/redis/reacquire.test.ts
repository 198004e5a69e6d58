import { describe, expect, test } from "bun:test";
import { clockAt, redisOfFile } from "#test/redis";
import {
  endCommand,
  initialize,
  operation,
  product,
  reserve,
  reserveCommand,
  soon,
  totals,
  type TestStore,
  type TimedHold,
} from "#test/store";

const { redis, open } = await redisOfFile();

type Store = TestStore["store"];

/** A hold that is past its due time; whoever touches it, or a sweep, releases it. */
async function late(store: Store, order: string, lines: Record<string, number>) {
  const hold = await reserve(store, order, lines, { holdSeconds: 1 });
  await clockAt(redis, hold.expiresAt);
  return hold;
}

const sold = (hold: TimedHold, generation: string, lines: Record<string, number> | null = null) =>
  endCommand(hold.reservationId, {
    reacquireAs: generation,
    lines:
      lines &&
      Object.entries(lines).map(([id, quantity]) => ({ productId: product(id), quantity })),
  });

describe("confirm of an expired hold that may be sold after all", () => {
  test("is a sale of its own: the hold stays expired, the units are sold under a new id", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await initialize(store, "p2", 5);
    const hold = await late(store, "o1", { p1: 2, p2: 1 });
    const outcome = await store.confirm(sold(hold, "saleaaaa"));
    if (outcome.kind !== "done") throw new Error(`confirm answered ${outcome.kind}`);
    const { reservation } = outcome;
    expect(String(reservation.reservationId)).toBe(`${hold.reservationId.slice(0, -8)}saleaaaa`);
    expect(reservation).toMatchObject({
      status: "CONFIRMED",
      expiresAt: hold.expiresAt,
      orderId: hold.orderId,
      allocations: [
        { productId: "p1", held: 0, confirmed: 2, released: 0 },
        { productId: "p2", held: 0, confirmed: 1, released: 0 },
      ],
    });
    expect(await totals(store, "p1")).toEqual({ onHand: 3, reserved: 0, available: 3 });
    expect(await store.reservation(reservation.reservationId, soon())).toEqual(reservation);
    const entries = await redis.xrange("{p0}:journal", "-", "+");
    const types = entries
      .flatMap(([, fields]) => (fields[3] ?? "").split("\n"))
      .map((line) => line.split("\t").slice(1, 3).join(" "));
    expect(types.slice(-4)).toEqual(["EXPIRE p1", "EXPIRE p2", "SALE p1", "SALE p2"]);
  });

  test("sells once, however often and from however many processes it is asked", async () => {
    const stores = await Promise.all([open(), open(), open()]);
    const [{ store }] = stores;
    await initialize(store, "p1", 50);
    const hold = await late(store, "o1", { p1: 5 });
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        stores[i % stores.length]?.store.confirm(sold(hold, `sale${1000 + i}`)),
      ),
    );
    const ids = outcomes.map((it) =>
      it?.kind === "done" ? it.reservation.reservationId : it?.kind,
    );
    expect(new Set(ids).size).toBe(1);
    expect(await totals(store, "p1")).toEqual({ onHand: 45, reserved: 0, available: 45 });
    // Whoever asks later without a word about expiry hears of that sale too.
    const later = await store.confirm(endCommand(hold.reservationId));
    expect(later).toMatchObject({ kind: "done", replayed: true });
    expect((await totals(store, "p1")).onHand).toBe(45);
  });

  test("is refused when the stock is gone, with what there is, and changes nothing else", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const hold = await late(store, "o1", { p1: 5 });
    await reserve(store, "o2", { p1: 2 });
    expect(await store.confirm(sold(hold, "saleaaaa"))).toMatchObject({
      kind: "insufficient",
      lines: [{ productId: "p1", requested: 5, largest: 3, available: 3 }],
    });
    expect(await totals(store, "p1")).toEqual({ onHand: 5, reserved: 2, available: 3 });
    const part = await store.confirm(sold(hold, "salebbbb", { p1: 3 }));
    expect(part.kind).toBe("done");
    // The rest was not sold, and nobody is told that it was.
    expect(await store.confirm(sold(hold, "salecccc", { p1: 2 }))).toEqual({ kind: "superseded" });
    expect(await totals(store, "p1")).toEqual({ onHand: 2, reserved: 2, available: 0 });
  });

  test("never takes more than the hold had, nor what was confirmed or cancelled", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const hold = await late(store, "o1", { p1: 5 });
    expect(await store.confirm(sold(hold, "saleaaaa", { p1: 6 }))).toEqual({
      kind: "exceeds_held",
      productId: product("p1"),
      held: 5,
    });
    const cancelled = await reserve(store, "o2", { p1: 5 });
    await store.cancel(endCommand(cancelled.reservationId));
    expect((await store.confirm(sold(cancelled, "salebbbb"))).kind).toBe("cancelled");
    expect((await totals(store, "p1")).onHand).toBe(50);
  });

  test("is not for the rest of a hold that was cancelled in part: nobody wants those units", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const hold = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 1 });
    const lines = [{ productId: product("p1"), quantity: 2 }];
    await store.cancel(endCommand(hold.reservationId, { lines }));
    await clockAt(redis, hold.expiresAt);
    expect((await store.confirm(sold(hold, "saleaaaa"))).kind).toBe("expired");
    expect(await totals(store, "p1")).toEqual({ onHand: 5, reserved: 0, available: 5 });
  });

  test("is refused while the ledger is too far behind, unlike the end of a live hold", async () => {
    const { store } = await open({ journalEntriesMax: 1_000 });
    await initialize(store, "p1", 5_000);
    const hold = await late(store, "o1", { p1: 1 });
    await store.expire(0);
    const live = await reserve(store, "o2", { p1: 1 });
    const more = Array.from({ length: 1_000 }, (_, i) =>
      store.reserve(reserveCommand(`m${i}`, { p1: 1 })),
    );
    await Promise.allSettled(more);
    await expect(store.confirm(sold(hold, "saleaaaa"))).rejects.toMatchObject({
      code: "journal_full",
    });
    expect((await store.confirm(endCommand(live.reservationId))).kind).toBe("done");
  });

  test("leaves a newer hold of the owner alone", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const hold = await late(store, "o1", { p1: 5 });
    const newer = await reserve(store, "o1", { p1: 1 });
    expect(await store.confirm(sold(hold, "saleaaaa"))).toEqual({ kind: "superseded" });
    expect(await totals(store, "p1")).toEqual({ onHand: 50, reserved: 1, available: 49 });
    expect((await store.confirm(sold(newer, "salebbbb"))).kind).toBe("done");
  });

  test("is what a repeat under the same Idempotency-Key hears, and reserve hears it as confirmed", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const hold = await late(store, "o1", { p1: 5 });
    const command = { ...sold(hold, "saleaaaa"), operation: operation("k1") };
    const first = await store.confirm(command);
    const again = await store.confirm({ ...command, reacquireAs: "salebbbb" });
    if (first.kind !== "done") throw new Error(`confirm answered ${first.kind}`);
    expect(again).toEqual({ ...first, replayed: true });
    expect((await store.reserve(reserveCommand("o1", { p1: 5 }))).kind).toBe("already_confirmed");
    expect((await totals(store, "p1")).onHand).toBe(45);
  });

  test("has due units of others released first", async () => {
    const { store } = await open();
    await initialize(store, "p1", 1);
    const hold = await late(store, "o1", { p1: 1 });
    const other = await reserve(store, "o2", { p1: 1 }, { holdSeconds: 1 });
    await clockAt(redis, other.expiresAt);
    expect((await store.confirm(sold(hold, "saleaaaa"))).kind).toBe("done");
    expect(await totals(store, "p1")).toEqual({ onHand: 0, reserved: 0, available: 0 });
  });

  test("without leave stays expired", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const hold = await late(store, "o1", { p1: 5 });
    expect((await store.confirm(endCommand(hold.reservationId))).kind).toBe("expired");
    expect(await totals(store, "p1")).toEqual({ onHand: 5, reserved: 0, available: 5 });
  });
});
