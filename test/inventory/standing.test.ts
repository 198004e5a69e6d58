/** Holds that a contract knows by product and order, on a real Redis. */
import { describe, expect, test } from "bun:test";
import { addToStanding } from "#inventory/add-to-standing";
import type { Deps, RequestContext, Role } from "#inventory/context";
import { deductStanding } from "#inventory/deduct-standing";
import { extend } from "#inventory/extend";
import { holdStanding } from "#inventory/hold-standing";
import { CustomerId, OrderId, type Movement } from "#inventory/model";
import { standingOwnerOf } from "#inventory/owner";
import type { Operation, StockStore } from "#inventory/ports";
import { releaseStanding } from "#inventory/release-standing";
import { splitReservationId } from "#inventory/reservation-id";
import { reserve } from "#inventory/reserve";
import type { StandingInput } from "#inventory/standing";
import { decodeEntry } from "#redis/journal";
import { journalKey } from "#redis/keys";
import { dump, withoutClock } from "#test/keyspace";
import { depsOf } from "#test/ports-double";
import { redisOfFile } from "#test/redis";
import { initialize, operation, product, soon, totals } from "#test/store";

const { redis, open } = await redisOfFile();

const [p1, p2] = [product("p1"), product("p2")];
const o1 = OrderId.parse("o1");

const request = (used: Operation | null = null, role: Role = "service"): RequestContext => ({
  caller: { role, subject: CustomerId.parse("ada") },
  requestId: "r-1",
  operation: used,
  deadline: soon(),
});

const depsWith = (store: StockStore): Deps => ({ ...depsOf({}), store });

/** The verbs over that store, for the order o1 of the contract `eureka` unless said otherwise. */
function verbsOf(store: StockStore) {
  const deps = depsWith(store);
  const input = (quantity: number, more: Partial<StandingInput>): StandingInput => {
    return { contract: "eureka", productId: p1, orderId: o1, quantity, ...more };
  };
  return {
    add: (quantity: number, more: Partial<StandingInput> = {}, ctx = request()) =>
      addToStanding(deps, ctx, input(quantity, more)),
    hold: (quantity: number, more: Partial<StandingInput> = {}, ctx = request()) =>
      holdStanding(deps, ctx, input(quantity, more)),
    release: (quantity: number, more: Partial<StandingInput> = {}, ctx = request()) =>
      releaseStanding(deps, ctx, input(quantity, more)),
    deduct: (quantity: number, more: Partial<StandingInput> = {}, ctx = request()) =>
      deductStanding(deps, ctx, input(quantity, more)),
  };
}

async function journal(): Promise<Movement[]> {
  const entries = await redis.xrange(journalKey(0), "-", "+");
  return entries.flatMap(([id, fields]) => decodeEntry(0, id, fields).movements);
}

const nothingHeld = { kind: "exceeds_held", productId: p1, held: 0 } as const;

describe("a standing hold of a contract", () => {
  test("adds up, and is released and deducted by quantity without any id", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const { add, release, deduct } = verbsOf(store);
    expect(await add(4)).toMatchObject({ kind: "reserved" });
    expect(await add(6)).toMatchObject({
      kind: "reserved",
      reservation: {
        expiresAt: null,
        orderId: "o1",
        customerId: null,
        allocations: [{ held: 10 }],
      },
    });
    expect(await release(3)).toMatchObject({
      kind: "done",
      replayed: false,
      reservation: { allocations: [{ held: 7, released: 3 }] },
    });
    expect(await deduct(2)).toMatchObject({
      kind: "done",
      reservation: { status: "ACTIVE", allocations: [{ held: 5, confirmed: 2, released: 3 }] },
    });
    expect(await totals(store, "p1")).toEqual({ onHand: 48, reserved: 5, available: 43 });
    expect(await deduct(5)).toMatchObject({ kind: "done", reservation: { status: "CONFIRMED" } });
    // What was deducted whole begins anew.
    expect(await add(1)).toMatchObject({ kind: "reserved", reservation: { status: "ACTIVE" } });
    expect(await totals(store, "p1")).toEqual({ onHand: 43, reserved: 1, available: 42 });
  });

  test("gives its order to each of its movements", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const { add, release, deduct } = verbsOf(store);
    await add(5);
    await release(1);
    await deduct(2);
    await add(3, { orderId: null });
    const [, ...moved] = await journal();
    expect(moved).toMatchObject([
      { type: "RESERVE", orderId: "o1", reservedAfter: 5, actor: "service:ada" },
      { type: "RELEASE", orderId: "o1", reservedAfter: 4 },
      { type: "SALE", orderId: "o1", onHandAfter: 48, reservedAfter: 2 },
      { type: "RESERVE", orderId: null, reservedAfter: 5 },
    ]);
  });

  test("that does not add is replaced by another quantity, and has one effect by the same", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const { hold, release } = verbsOf(store);
    const first = await hold(5);
    const again: unknown = await hold(5);
    expect(again).toEqual({ ...first, kind: "held", replayed: false });
    expect(await hold(8)).toMatchObject({ reservation: { allocations: [{ held: 8 }] } });
    expect((await totals(store, "p1")).reserved).toBe(8);
    expect(await release(3)).toMatchObject({ kind: "done" });
    expect(await hold(8)).toMatchObject({ kind: "reserved" });
    expect(await release(9)).toMatchObject({ kind: "exceeds_held", held: 8 });
    expect((await totals(store, "p1")).reserved).toBe(8);
  });

  test("is refused where the stock is short or the product is not there", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const { add } = verbsOf(store);
    await add(2);
    const before = await withoutClock(redis);
    expect(await add(4)).toMatchObject({ kind: "insufficient", lines: [{ available: 3 }] });
    const unknown = await add(1, { productId: p2 });
    expect(unknown).toEqual({ kind: "unknown_product", productId: p2 });
    expect(await withoutClock(redis)).toEqual(before);
  });

  test("cannot be given more time: it has no end", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const outcome = await verbsOf(store).add(2);
    if (outcome.kind !== "reserved") throw new Error(`add answered ${outcome.kind}`);
    const { reservationId } = outcome.reservation;
    const before = await dump(redis);
    const longer = extend(depsWith(store), request(), { reservationId, minutes: 5 });
    await expect(longer).rejects.toMatchObject({
      code: "validation_failed",
      errors: [{ path: "minutes" }],
    });
    expect(await dump(redis)).toEqual(before);
  });

  test("is not for customers", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const { add, hold, release, deduct } = verbsOf(store);
    await add(5);
    const before = await dump(redis);
    for (const verb of [add, hold, release, deduct]) {
      const refused = verb(1, {}, request(null, "customer"));
      await expect(refused).rejects.toMatchObject({ code: "role_required" });
    }
    expect(await dump(redis)).toEqual(before);
  });
});

describe.each(["release", "deduct"] as const)("%s", (verb) => {
  test("never draws on a hold made otherwise", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const verbs = verbsOf(store);
    const line = { productId: p1, quantity: 5, location: null };
    const common = { customerId: null, scope: p1, lines: [line], expirationMinutes: null };
    const standing = { ...common, standing: true, adds: true } as const;
    await reserve(depsWith(store), request(), { ...common, orderId: o1 });
    await reserve(depsWith(store), request(), { ...standing, orderId: OrderId.parse("o2") });
    await reserve(depsWith(store), request(), { ...standing, orderId: null });
    await verbs.add(5, { contract: "nestjs" });
    await verbs.add(5, { orderId: OrderId.parse("o3") });
    await initialize(store, "p2", 5);
    await verbs.add(5, { productId: p2 });
    const before = await dump(redis);
    for (const orderId of [o1, OrderId.parse("o2"), null]) {
      expect(await verbs[verb](1, { orderId })).toEqual(nothingHeld);
    }
    expect(await dump(redis)).toEqual(before);
  });

  test("of more than is held says how much that is, and changes nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const verbs = verbsOf(store);
    await verbs.add(5);
    const before = await dump(redis);
    expect(await verbs[verb](6)).toEqual({ ...nothingHeld, held: 5 });
    expect(await dump(redis)).toEqual(before);
    expect(await verbs[verb](5)).toMatchObject({ kind: "done" });
    // How it ended is not what somebody who knows no id asked for.
    expect(await verbs[verb](1)).toEqual(nothingHeld);
  });

  test("of a product that is not there says that", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    expect(await verbsOf(store)[verb](1)).toEqual(nothingHeld);
    const unknown = await verbsOf(store)[verb](1, { productId: p2 });
    expect(unknown).toEqual({ kind: "unknown_product" });
  });

  test("has one effect under an Idempotency-Key, and refuses the key with another body", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const verbs = verbsOf(store);
    await verbs.add(5);
    const first = await verbs[verb](2, {}, request(operation("k1")));
    await verbs.release(3);
    // Another hold of the same owner lives now: the repeat is not about that.
    await verbs.add(7);
    const before = await dump(redis);
    const again: unknown = await verbs[verb](2, {}, request(operation("k1")));
    expect(again).toEqual({ ...first, replayed: true });
    const other = await verbs[verb](3, {}, request(operation("k1", "another body")));
    expect(other).toEqual({ kind: "key_reused" });
    expect(await dump(redis)).toEqual(before);
  });
});

test("each answer tells the product as it left it, and a repeat tells it again", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  const { add, release, deduct } = verbsOf(store);
  const keys = ["1", "2", "3"].map((name) => request(operation(name)));
  const verbs = [add, release, deduct] as const;
  const told = [
    { onHand: 50, reserved: 9, available: 41, home: "Warehouse A" },
    { onHand: 50, reserved: 5, available: 45, home: "Warehouse A" },
    { onHand: 46, reserved: 1, available: 45, home: "Warehouse A" },
  ];
  const units = [9, 4, 4] as const;
  for (const time of ["first", "again"]) {
    for (const [index, verb] of verbs.entries()) {
      const answer: unknown = await verb(units[index] ?? 0, {}, keys[index]);
      expect(answer, time).toMatchObject({ stock: told[index] });
    }
  }
});

test("a hold under an Idempotency-Key adds once", async () => {
  const { store } = await open();
  await initialize(store, "p1", 50);
  const { add } = verbsOf(store);
  const ctx = () => request(operation("k1"));
  const [first, second] = await Promise.all([add(5, {}, ctx()), add(5, {}, ctx())]);
  expect([first, second]).toMatchObject([{ kind: "reserved" }, { kind: "held", replayed: true }]);
  expect((await totals(store, "p1")).reserved).toBe(5);
});

test("each contract, product and order has an owner of its own", () => {
  const owners = [
    standingOwnerOf("eureka", p1, null),
    standingOwnerOf("eureka", p1, o1),
    standingOwnerOf("eureka", p2, null),
    standingOwnerOf("nestjs", p1, null),
  ];
  expect(new Set(owners).size).toBe(owners.length);
  // Never changes: holds that live in Redis are found by it.
  expect(owners[0]).toBe("07f928b2a31776e2c27460333b28be51");
});

test("a standing hold lives in the partition of its product", async () => {
  const { store } = await open({ partitions: 3 });
  const ids = ["p1", "p2", "p3", "p4", "p5", "p6"].map(product);
  const { add, release, deduct } = verbsOf(store);
  const partitions = new Set<number>();
  for (const productId of ids) {
    await initialize(store, productId, 50);
    const outcome = await add(5, { productId });
    if (outcome.kind !== "reserved") throw new Error(`add answered ${outcome.kind}`);
    partitions.add(splitReservationId(outcome.reservation.reservationId).partition);
    expect(await release(1, { productId })).toMatchObject({ kind: "done" });
    expect(await deduct(1, { productId })).toMatchObject({ kind: "done" });
    expect(await totals(store, productId)).toEqual({ onHand: 49, reserved: 3, available: 46 });
  }
  expect(partitions.size).toBeGreaterThan(1);
});

test("holds, releases and deducts raced by 4 processes keep count, and never end more than is held", async () => {
  const stores = await Promise.all([open(), open(), open(), open()]);
  const [{ store }] = stores;
  await initialize(store, "p1", 1_000);
  const kinds = { add: 0, release: 0, deduct: 0, refused: 0 };
  await Promise.all(
    Array.from({ length: 240 }, async (_, i) => {
      const verb = (["add", "release", "deduct"] as const)[i % 3] ?? "add";
      const outcome = await verbsOf(stores[i % stores.length]?.store ?? store)[verb](2);
      if (outcome.kind === "reserved" || outcome.kind === "done") kinds[verb] += 1;
      else if (outcome.kind === "exceeds_held") kinds.refused += 1;
      else throw new Error(`${verb} answered ${outcome.kind}`);
    }),
  );
  expect(kinds).toMatchObject({ add: 80 });
  const { release, deduct } = kinds;
  expect(await totals(store, "p1")).toMatchObject({
    onHand: 1_000 - 2 * deduct,
    reserved: 160 - 2 * release - 2 * deduct,
  });
  // Twice as many units were asked back as there ever were.
  expect(release + deduct).toBeGreaterThan(0);
  expect(kinds.refused).toBeGreaterThanOrEqual(80);
});
