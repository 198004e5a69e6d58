/** Limits of what a customer holds, units and live holds, and many who race for what limits leave. */
import { describe, expect, test } from "bun:test";
import { OrderId } from "#inventory/model";
import { ownerOf } from "#inventory/owner";
import { carol, countsIn, dan, group, held, putLimit, stocked, take } from "#test/limits";
import { invariants } from "#test/invariants";
import { redisOfFile } from "#test/redis";
import { endCommand, product, reassignCommand, sellCommand, totals } from "#test/store";

const { redis, open } = await redisOfFile();
const { counts, unitsOf, holdsOf } = countsIn(redis);
const put = (
  ...args: Parameters<typeof putLimit> extends [unknown, ...infer Rest] ? Rest : never
) => putLimit(redis, ...args);
const CALLERS = 200;

describe("a limit of what is held", () => {
  test("counts live holds' units alone: what is sold makes room", async () => {
    const { store } = await open();
    await stocked(store, "p1", "p2");
    await put(store, "hoard", { counts: "held" });
    const one = await held(store, carol, "o1", { p1: 3, p2: 2 });
    expect((await take(store, carol, "o2", { p1: 1 })).kind).toBe("above_quota");
    expect((await store.sell(sellCommand("p1", 9, { customerId: carol }))).kind).toBe("sold");
    const lines = [{ productId: product("p1"), quantity: 2 }];
    await store.confirm(endCommand(one.reservationId, { lines }));
    expect(await unitsOf(carol, "hoard")).toBe(3);
    await held(store, carol, "o2", { p1: 2 });
    await store.confirm(endCommand(one.reservationId));
    expect(await unitsOf(carol, "hoard")).toBe(2);
    await invariants(redis);
  });

  test("bounds how many live holds a customer has: a cart is one, however it changes", async () => {
    const { store } = await open();
    await stocked(store, "p1", "p2", "p3");
    const terms = { ...group("p1", "p2"), counts: "held", maxUnits: 100, maxHolds: 2 } as const;
    await put(store, "hoard", terms);
    const one = await held(store, carol, "o1", { p1: 1, p2: 1 });
    const two = await held(store, carol, "o2", { p1: 1, p3: 1 });
    expect(await holdsOf(carol, "hoard")).toBe(2);
    expect(await take(store, carol, "o3", { p2: 1 })).toMatchObject({
      kind: "above_quota",
      lines: [{ largest: 0, quota: { limitId: "hoard", left: 0, maxHolds: 2 } }],
    });
    await held(store, carol, "o3", { p3: 1 });
    // Another quantity of a hold that counts, and more of its lines, are no hold more.
    await held(store, carol, "o1", { p1: 9, p2: 1, p3: 1 });
    await held(store, carol, "o2", { p2: 7 });
    expect(await holdsOf(carol, "hoard")).toBe(2);
    // Without a product of the limit it is none of its holds any more.
    await held(store, carol, "o1", { p3: 5 });
    expect(await holdsOf(carol, "hoard")).toBe(1);
    await held(store, dan, "o4", { p1: 1 });
    await held(store, carol, "o5", { p1: 2 });
    await store.confirm(endCommand(one.reservationId));
    const last = await take(store, carol, "o5", { p1: 2 });
    if (!("reservation" in last)) throw new Error(`reserve answered ${last.kind}`);
    await store.confirm(endCommand(last.reservation.reservationId));
    expect(await holdsOf(carol, "hoard")).toBe(1);
    await store.cancel(endCommand(two.reservationId));
    await invariants(redis);
  });

  test("counts a hold that changes hands for its new customer, and one that takes it in as one", async () => {
    const { store } = await open();
    await stocked(store, "p1");
    await put(store, "hoard", { counts: "held", maxUnits: 100, maxHolds: 2 });
    const one = await held(store, carol, "o1", { p1: 3 });
    const owner = ownerOf(dan, OrderId.parse("o2"), "cart");
    await held(store, dan, "o2", { p1: 1 });
    const to = { owner, customerId: dan, orderId: OrderId.parse("o2") };
    expect(await store.reassign(reassignCommand(one.reservationId, "o2", { to }))).toMatchObject({
      kind: "done",
    });
    expect([await holdsOf(carol, "hoard"), await holdsOf(dan, "hoard")]).toEqual([0, 1]);
    expect([await unitsOf(carol, "hoard"), await unitsOf(dan, "hoard")]).toEqual([0, 4]);
  });

  test("counts a hold that is added to once, and takes more into it where no other may begin", async () => {
    const { store } = await open();
    await stocked(store, "p1");
    await put(store, "hoard", { counts: "held", maxUnits: 100, maxHolds: 1 });
    const adds = { holdSeconds: null, adds: true };
    await held(store, carol, "o1", { p1: 2 }, adds);
    await take(store, carol, "o1", { p1: 3 }, adds);
    expect([await holdsOf(carol, "hoard"), await unitsOf(carol, "hoard")]).toEqual([1, 5]);
    expect((await take(store, carol, "o2", { p1: 1 })).kind).toBe("above_quota");
  });
});

test(`is never passed when ${CALLERS} carts of one customer race on 4 connections`, async () => {
  const stores = await Promise.all([open(), open(), open(), open()]);
  const [first] = stores;
  await stocked(first.store, "p1", "p2");
  await put(first.store, "drop", { ...group("p1", "p2"), maxUnits: 7 });
  await put(first.store, "hoard", { counts: "held", maxUnits: 100, maxHolds: 3 });
  const outcomes = await Promise.all(
    Array.from({ length: CALLERS }, (_, i) => {
      const units = i % 3 === 0 ? { p1: 1, p2: 1 } : { [`p${1 + (i % 2)}`]: 1 };
      return take((stores[i % stores.length] ?? first).store, carol, `o${i}`, units);
    }),
  );
  const taken = outcomes.flatMap((it) => (it.kind === "reserved" ? [it.reservation] : []));
  const refused = outcomes.filter(({ kind }) => kind === "above_quota");
  expect(taken.length + refused.length).toBe(CALLERS);
  expect(taken.length).toBe(3);
  const units = taken.flatMap(({ allocations }) => allocations.map((line) => line.held));
  const sum = units.reduce((all, each) => all + each, 0);
  expect(sum).toBeLessThanOrEqual(7);
  expect([await unitsOf(carol, "drop"), await holdsOf(carol, "hoard")]).toEqual([sum, 3]);
  const { reserved } = await totals(first.store, "p1");
  expect(reserved).toBeLessThanOrEqual(sum);
  await Promise.all(
    taken.map(({ reservationId }, i) =>
      (stores[i % stores.length] ?? first).store.cancel(endCommand(reservationId)),
    ),
  );
  expect([await counts("drop"), await counts("hoard")]).toEqual([{}, {}]);
  await invariants(redis);
});
