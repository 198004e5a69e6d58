import { describe, expect, test } from "bun:test";
import { CustomerId, type ReservationId } from "#inventory/model";
import { reservationIdOf, splitReservationId } from "#inventory/reservation-id";
import { wordsOfHeader } from "#test/answers";
import { dump } from "#test/keyspace";
import { clockAt, redisOfFile } from "#test/redis";
import { limited } from "#test/rates";
import { endCommand, initialize, operation, product, reserve, soon, totals } from "#test/store";

/** Lines that cannot be read are tested with those of confirm: both read the same. */
const { redis, answers, open } = await redisOfFile();

describe("cancel", () => {
  test("gives all back that is held, and ends the hold", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const { reservationId } = await reserve(store, "o1", { p1: 45 });
    expect(await redis.zscore("{p0}:low", "p1")).toBe("5");
    expect(await store.cancel(endCommand(reservationId))).toMatchObject({
      kind: "done",
      replayed: false,
      reservation: {
        status: "CANCELLED",
        endReason: "cancelled",
        allocations: [{ held: 0, confirmed: 0, released: 45 }],
      },
    });
    expect(await totals(store, "p1")).toEqual({ onHand: 50, reserved: 0, available: 50 });
    expect(await redis.zscore("{p0}:low", "p1")).toBeNull();
  });

  test("of a part leaves the rest held", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    await initialize(store, "p2", 50);
    const { reservationId } = await reserve(store, "o1", { p1: 5, p2: 5 });
    const lines = [
      { productId: product("p2"), quantity: 5 },
      { productId: product("p1"), quantity: 1 },
    ];
    expect(await store.cancel(endCommand(reservationId, { lines }))).toMatchObject({
      kind: "done",
      reservation: { status: "ACTIVE", allocations: [{ held: 4 }, { held: 0, released: 5 }] },
    });
    expect((await totals(store, "p1")).reserved).toBe(4);
    expect((await totals(store, "p2")).reserved).toBe(0);
  });

  test("of more than is held says what is held, and changes nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const { reservationId } = await reserve(store, "o1", { p1: 5 });
    const before = await dump(redis);
    const lines = [{ productId: product("p1"), quantity: 6 }];
    expect(await store.cancel(endCommand(reservationId, { lines }))).toEqual({
      kind: "exceeds_held",
      productId: product("p1"),
      held: 5,
    });
    expect(await dump(redis)).toEqual(before);
  });

  test("twice gives back once", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const { reservationId } = await reserve(store, "o1", { p1: 5 });
    const first = await store.cancel(endCommand(reservationId));
    const before = await dump(redis);
    const second = await store.cancel(endCommand(reservationId));
    expect(second.kind).toBe("cancelled");
    expect("reservation" in second && second.reservation).toEqual(
      "reservation" in first && first.reservation,
    );
    expect(await dump(redis)).toEqual(before);
  });

  test("of a confirmed hold changes nothing: sold is sold", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const { reservationId } = await reserve(store, "o1", { p1: 5 });
    await store.confirm(endCommand(reservationId));
    const before = await dump(redis);
    expect(await store.cancel(endCommand(reservationId))).toMatchObject({
      kind: "confirmed",
      reservation: { status: "CONFIRMED" },
    });
    expect(await dump(redis)).toEqual(before);
  });

  test("of a hold past its due time answers that it expired", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const hold = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 1 });
    await clockAt(redis, hold.expiresAt);
    expect(await store.cancel(endCommand(hold.reservationId))).toMatchObject({
      kind: "expired",
      reservation: { status: "EXPIRED", endReason: "expired" },
    });
    expect(await totals(store, "p1")).toEqual({ onHand: 5, reserved: 0, available: 5 });
  });

  test("knows neither another's hold nor one that never was", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const { reservationId } = await reserve(store, "o1", { p1: 5 });
    const { owner } = splitReservationId(reservationId);
    const before = await dump(redis);
    const foreign = { customerId: CustomerId.parse("customer-2") };
    expect(await store.cancel(endCommand(reservationId, foreign))).toEqual({
      kind: "unknown_reservation",
    });
    expect(await store.cancel(endCommand(reservationIdOf(0, owner, "00000000")))).toEqual({
      kind: "superseded",
    });
    expect(await dump(redis)).toEqual(before);
  });
});

describe("cancel of whichever hold of an owner is live", () => {
  const whichever = (reservationId: ReservationId) => {
    return { hold: { ...splitReservationId(reservationId), generation: null } };
  };

  test("means the newest, whichever id the caller once had", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const old = await reserve(store, "o1", { p1: 5 });
    const { reservationId } = await reserve(store, "o1", { p1: 4 });
    const outcome = await store.cancel(endCommand(old.reservationId, whichever(reservationId)));
    expect(outcome).toMatchObject({ kind: "done", reservation: { reservationId } });
    expect((await totals(store, "p1")).reserved).toBe(0);
  });

  test("knows none that has ended, or that is another customer's", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const { reservationId, expiresAt } = await reserve(store, "o1", { p1: 5 });
    const foreign = { ...whichever(reservationId), customerId: CustomerId.parse("customer-2") };
    const unknown = { kind: "unknown_reservation" } as const;
    expect(await store.cancel(endCommand(reservationId, foreign))).toEqual(unknown);
    expect((await totals(store, "p1")).reserved).toBe(5);
    await clockAt(redis, expiresAt);
    const command = endCommand(reservationId, whichever(reservationId));
    expect(await store.cancel(command)).toEqual(unknown);
    // It was past its due time: that is what ended it.
    expect((await store.reservation(reservationId, soon()))?.status).toBe("EXPIRED");
    expect(await store.cancel(command)).toEqual(unknown);
  });
});

describe("cancel under an Idempotency-Key", () => {
  test("does not cancel the hold that the same owner made since", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const old = await reserve(store, "o1", { p1: 5 });
    const command = endCommand(old.reservationId, { operation: operation("k1") });
    await store.cancel(command);
    expect(await store.cancel(command)).toMatchObject({ kind: "done", replayed: true });
    await reserve(store, "o1", { p1: 5 });
    expect(await store.cancel(command)).toMatchObject({ kind: "done", replayed: true });
    expect((await totals(store, "p1")).reserved).toBe(5);
  });

  test("of a part has one effect, and refuses the key with another body", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const { reservationId } = await reserve(store, "o1", { p1: 5 });
    const lines = [{ productId: product("p1"), quantity: 2 }];
    const command = endCommand(reservationId, { lines, operation: operation("k1") });
    await store.cancel(command);
    const before = await dump(redis);
    expect(await store.cancel(command)).toMatchObject({ kind: "done", replayed: true });
    const other = endCommand(reservationId, { operation: operation("k1", "another body") });
    expect(await store.cancel(other)).toEqual({ kind: "key_reused" });
    expect(await dump(redis)).toEqual(before);
  });
});

test("cancel raced by 40 callers from 4 processes gives back once", async () => {
  const stores = await Promise.all([open(), open(), open(), open()]);
  const [{ store }] = stores;
  await initialize(store, "p1", 50);
  const { reservationId } = await reserve(store, "o1", { p1: 5 });
  await reserve(store, "o2", { p1: 5 });
  const outcomes = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      stores[i % stores.length]?.store.cancel(endCommand(reservationId)),
    ),
  );
  expect(outcomes.filter((it) => it?.kind === "done")).toHaveLength(1);
  expect(outcomes.filter((it) => it?.kind === "cancelled")).toHaveLength(39);
  expect(await totals(store, "p1")).toEqual({ onHand: 50, reserved: 5, available: 45 });
});

test("a batch of 64 carts with 100 low products each is cancelled whole", async () => {
  const { store } = await open();
  const ids = Array.from({ length: 6_400 }, (_, i) => `p${i}`);
  // Below the threshold before and after: each of them is scored anew.
  await Promise.all(ids.map((id) => initialize(store, id, 5)));
  const holds = await Promise.all(
    Array.from({ length: 64 }, (_, cart) => {
      const own = ids.slice(cart * 100, cart * 100 + 100);
      const lines = Object.fromEntries(own.map((id) => [id, 2]));
      return reserve(store, `order ${cart}`, lines);
    }),
  );
  expect(await redis.zcount("{p0}:low", 3, 3)).toBe(6_400);
  const outcomes = await Promise.all(
    holds.map(({ reservationId }) => store.cancel(endCommand(reservationId))),
  );
  expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(["done"]));
  expect(await redis.zcount("{p0}:low", 5, 5)).toBe(6_400);
});

test("cancel produced each word that its header promises", async () => {
  const { store } = await open();
  await initialize(store, "p1", 1);
  const { reservationId } = await reserve(store, "o1", { p1: 1 });
  await limited((charge) => store.cancel(endCommand(reservationId, { charge })));
  const { items } = wordsOfHeader("stock/cancel.lua");
  expect(answers.of("stock/cancel.lua").items).toEqual([...items]);
});
