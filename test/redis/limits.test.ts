/** How many units of a product one customer may have, over all of its orders. */
import { describe, expect, test } from "bun:test";
import { CustomerId, OrderId } from "#inventory/model";
import { ownerOf } from "#inventory/owner";
import { limitKey } from "#redis/keys";
import { customerField } from "#inventory/limits";
import { reserveLine, sellLine } from "#redis/lines";
import { invariants } from "#test/invariants";
import { dump } from "#test/keyspace";
import { clockAt, redisOfFile, repliesOf, sendBatch } from "#test/redis";
import {
  amendCommand,
  endCommand,
  initialize,
  productOf,
  reserve,
  reserveCommand,
  returnCommand,
  sellCommand,
  totals,
  type TestStore,
} from "#test/store";

const { redis, open } = await redisOfFile();

type Store = TestStore["store"];

const carol = CustomerId.parse("carol");
const dan = CustomerId.parse("dan");
const CALLERS = 200;

/** Customer → units, as they stand in Redis. */
const counts = (id = "p1"): Promise<Record<string, string>> => redis.hgetall(limitKey(0, id));
const unitsOf = async (customerId: CustomerId, id = "p1"): Promise<number> =>
  Number((await counts(id))[customerField(customerId)] ?? "0");

type More = NonNullable<Parameters<typeof reserveCommand>[2]>;

/** A hold of an order of a customer's; its owner is that of such an order. */
const command = (customerId: CustomerId, order: string, units: number, more: More = {}) => {
  const orderId = OrderId.parse(order);
  const owner = ownerOf(customerId, orderId, "cart");
  return reserveCommand(order, { p1: units }, { customerId, owner, ...more });
};
const take = (store: Store, customerId: CustomerId, order: string, units: number, more?: More) =>
  store.reserve(command(customerId, order, units, more));

async function held(
  store: Store,
  customerId: CustomerId,
  order: string,
  units: number,
  more?: More,
) {
  const outcome = await take(store, customerId, order, units, more);
  if (outcome.kind !== "reserved") throw new Error(`reserve answered ${outcome.kind}`);
  return outcome.reservation;
}

/** What a line is told that asks for so many, of which the customer may take so many. */
const above = (requested: number, left: number, maxPerCustomer = 5) => ({
  kind: "above_quota",
  lines: [{ productId: "p1", requested, largest: left, quota: { maxPerCustomer, left } }],
});

async function limited(store: Store, maxPerCustomer = 5, units = 50): Promise<void> {
  await initialize(store, "p1", units, { maxPerCustomer });
}

describe("a limit for each customer", () => {
  test("counts what it holds and what it bought over all of its orders, and nobody else's", async () => {
    const { store } = await open();
    await limited(store);
    const first = await held(store, carol, "o1", 2);
    await store.confirm(endCommand(first.reservationId));
    expect(await unitsOf(carol)).toBe(2);
    expect(await take(store, carol, "o2", 4)).toMatchObject(above(4, 3));
    await held(store, carol, "o2", 3);
    expect(await take(store, carol, "o3", 1)).toMatchObject(above(1, 0));
    await held(store, dan, "o4", 5);
    await reserve(store, "o5", { p1: 9 }, { customerId: null });
    expect([await unitsOf(carol), await unitsOf(dan)]).toEqual([5, 5]);
    expect(Object.keys(await counts())).toHaveLength(2);
    await invariants(redis);
  });

  test("gets back what is cancelled, in part and whole, and what expires; then no key is left", async () => {
    const { store } = await open();
    await limited(store);
    const one = await held(store, carol, "o1", 4);
    const two = await held(store, carol, "o2", 1, { holdSeconds: 60 });
    const [line] = one.allocations;
    if (!line || two.expiresAt === null) throw new Error("a hold of nothing");
    const part = [{ productId: line.productId, quantity: 3 }];
    await store.cancel(endCommand(one.reservationId, { lines: part }));
    expect(await unitsOf(carol)).toBe(2);
    await clockAt(redis, two.expiresAt);
    expect(await store.expire(0)).toMatchObject({ expired: 1 });
    expect(await unitsOf(carol)).toBe(1);
    await store.cancel(endCommand(one.reservationId));
    expect(await redis.exists(limitKey(0, "p1"))).toBe(0);
  });

  test("is no less for a customer whose own holds are due and not released yet", async () => {
    const { store } = await open();
    await limited(store);
    const due = await held(store, carol, "o1", 5, { holdSeconds: 60 });
    await clockAt(redis, due.expiresAt ?? 0);
    expect((await take(store, carol, "o2", 5)).kind).toBe("reserved");
    expect(await unitsOf(carol)).toBe(5);
  });

  test("counts a hold that replaces another in its place, and leaves it where the new one is too much", async () => {
    const { store } = await open();
    await limited(store);
    await held(store, carol, "o1", 4);
    expect(await take(store, carol, "o1", 6)).toMatchObject(above(6, 5));
    expect(await unitsOf(carol)).toBe(4);
    expect((await take(store, carol, "o1", 4)).kind).toBe("held");
    await held(store, carol, "o1", 5);
    expect(await unitsOf(carol)).toBe(5);
    await held(store, carol, "o1", 1);
    expect(await unitsOf(carol)).toBe(1);
  });

  test("counts what is added to a hold", async () => {
    const { store } = await open();
    await limited(store);
    const adds = { holdSeconds: null, adds: true };
    await held(store, carol, "o1", 2, adds);
    await held(store, carol, "o1", 3, adds);
    expect(await take(store, carol, "o1", 1, adds)).toMatchObject(above(1, 0));
    expect(await unitsOf(carol)).toBe(5);
  });

  test("lets a best effort take what it allows, a dry run say so, and is told before what is not there", async () => {
    const { store } = await open();
    await limited(store, 5, 3);
    const quota = { maxPerCustomer: 5, left: 5 };
    expect(await take(store, carol, "o1", 9)).toMatchObject({
      kind: "above_quota",
      lines: [{ requested: 9, largest: 3, available: 3, quota }],
    });
    const short = await take(store, carol, "o1", 4);
    expect(short).toMatchObject({ kind: "insufficient", lines: [{ requested: 4, largest: 3 }] });
    expect(short).not.toHaveProperty("lines.0.quota");
    const effort = { mode: "best_effort" } as const;
    expect(await take(store, carol, "o1", 9, { ...effort, dryRun: true })).toMatchObject({
      kind: "possible",
      lines: [{ quantity: 3 }],
      short: [{ requested: 9, largest: 3, quota }],
    });
    expect(await counts()).toEqual({});
    await store.amend(amendCommand("p1", { maxPerCustomer: 2 }));
    expect(await take(store, carol, "o1", 9, effort)).toMatchObject({
      kind: "reserved",
      short: [{ requested: 9, largest: 2, quota: { maxPerCustomer: 2, left: 2 } }],
    });
    expect(await take(store, carol, "o2", 9, effort)).toMatchObject(above(9, 0, 2));
    expect(await unitsOf(carol)).toBe(2);
  });

  test("is asked of each line of a cart, and refuses all of it", async () => {
    const { store } = await open();
    await limited(store);
    await initialize(store, "p2", 50, { maxPerCustomer: 1 });
    const owner = ownerOf(carol, OrderId.parse("o1"), "cart");
    const cart = { customerId: carol, owner };
    const refused = await store.reserve(reserveCommand("o1", { p1: 5, p2: 2 }, cart));
    expect(refused).toMatchObject({ kind: "above_quota", lines: [{ productId: "p2" }] });
    expect(refused).toHaveProperty("lines.length", 1);
    expect((await store.reserve(reserveCommand("o1", { p1: 5, p2: 1 }, cart))).kind).toBe(
      "reserved",
    );
    expect([await unitsOf(carol), await unitsOf(carol, "p2")]).toEqual([5, 1]);
  });

  test("is seen by a later item of the same batch, of reserves and of sales", async () => {
    const { store } = await open();
    await limited(store);
    // Time stands still there, and all is swept: nobody is told to ask again.
    await clockAt(redis, Date.now() + 3_600_000);
    await store.expire(0);
    const lines = [2, 2, 2, 1, 1].map((units, i) => reserveLine(command(carol, `o${i}`, units)));
    const replies = repliesOf(await sendBatch(redis, "reserve", {}, lines));
    const words = replies.map((reply) => reply.split("\t")[0]);
    expect(words).toEqual(["reserved", "reserved", "above_quota", "reserved", "above_quota"]);
    const sales = [3, 3].map((units) => sellLine(sellCommand("p1", units, { customerId: dan })));
    const sold = repliesOf(await sendBatch(redis, "sell", {}, sales));
    expect(sold.map((reply) => reply.split("\t")[0])).toEqual(["sold", "above_quota"]);
    expect([await unitsOf(carol), await unitsOf(dan)]).toEqual([5, 3]);
  });

  test("counts a sale without a hold, and one after an expiry", async () => {
    const { store } = await open();
    await limited(store);
    expect((await store.sell(sellCommand("p1", 9))).kind).toBe("sold");
    expect(await counts()).toEqual({});
    expect((await store.sell(sellCommand("p1", 3, { customerId: carol }))).kind).toBe("sold");
    const due = await held(store, carol, "o1", 2, { holdSeconds: 60 });
    await clockAt(redis, due.expiresAt ?? 0);
    await held(store, carol, "o2", 1);
    const late = endCommand(due.reservationId, { reacquireAs: "saleaaaa" });
    expect(await store.confirm(late)).toMatchObject(above(2, 1));
    const [line] = due.allocations;
    if (!line) throw new Error("a hold of nothing");
    const lines = [{ productId: line.productId, quantity: 1 }];
    expect((await store.confirm({ ...late, lines })).kind).toBe("done");
    expect(await unitsOf(carol)).toBe(5);
    expect(await store.sell(sellCommand("p1", 1, { customerId: carol }))).toMatchObject(
      above(1, 0),
    );
  });

  test("gets back what is returned, as much of it as the ledger says that it counts", async () => {
    const { store } = await open();
    await limited(store);
    const whose = { customerId: carol };
    await store.sell(sellCommand("p1", 5, whose));
    const { createdAt: since, seq } = await productOf(store, "p1");
    // Of one that was sold before, the limit counts nothing.
    const steps = [
      { at: since - 1, units: 3 },
      { at: since, units: 2 },
    ];
    const limit = { customerId: carol, steps };
    const sales = { seq, sold: 5, returned: 0, limit };
    expect((await store.return(returnCommand("p1", 4, sales))).kind).toBe("returned");
    expect(await unitsOf(carol)).toBe(3);
    const after = {
      seq: seq + 9,
      sold: 5,
      returned: 4,
      limit: { ...limit, steps: [...steps, { at: null, units: 4 }] },
    };
    expect((await store.return(returnCommand("p1", 1, after))).kind).toBe("returned");
    expect(await unitsOf(carol)).toBe(3);
  });

  test("counts from when it is set on, goes on when it changes, and forgets all when it is taken off", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const before = await held(store, carol, "o1", 4);
    expect(await redis.exists(limitKey(0, "p1"))).toBe(0);
    // Ahead of Redis's own: it moves where the test moves it.
    const base = before.createdAt + 60_000;
    await clockAt(redis, base);
    await store.amend(amendCommand("p1", { maxPerCustomer: 3 }));
    const { limitSince } = await productOf(store, "p1");
    expect(limitSince).toBe(base + 1);
    await clockAt(redis, base + 20);
    const after = await held(store, carol, "o2", 3);
    await store.cancel(endCommand(before.reservationId));
    expect(await unitsOf(carol)).toBe(3);
    await store.amend(amendCommand("p1", { maxPerCustomer: 4 }));
    expect(await productOf(store, "p1")).toMatchObject({ limitSince });
    expect(await take(store, carol, "o3", 2)).toMatchObject(above(2, 1, 4));
    await store.amend(amendCommand("p1", { maxPerCustomer: null }));
    expect(await productOf(store, "p1")).toMatchObject({ limitSince: null });
    expect(await redis.exists(limitKey(0, "p1"))).toBe(0);
    await store.amend(amendCommand("p1", { maxPerCustomer: 4 }));
    await clockAt(redis, base + 30);
    await held(store, carol, "o3", 4);
    await store.cancel(endCommand(after.reservationId));
    expect(await unitsOf(carol)).toBe(4);
  });

  test("counts whatever comes after it was set on, also while the clock stands still", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    const { createdAt } = await productOf(store, "p1");
    // Redis's clock went back by an hour: until it is there again, no time passes.
    await clockAt(redis, createdAt + 3_600_000);
    const before = await held(store, carol, "o1", 4);
    await store.amend(amendCommand("p1", { maxPerCustomer: 3 }));
    await held(store, carol, "o2", 3);
    expect(await take(store, carol, "o3", 1)).toMatchObject(above(1, 0, 3));
    expect((await store.sell(sellCommand("p1", 4, { customerId: dan }))).kind).toBe("above_quota");
    await store.cancel(endCommand(before.reservationId));
    expect(await unitsOf(carol)).toBe(3);
  });

  test("is no read and no key where no product of a batch has one, or nobody is its customer", async () => {
    const { store } = await open();
    await initialize(store, "p1", 50);
    await initialize(store, "p2", 50, { maxPerCustomer: 5 });
    await redis.config("RESETSTAT");
    const one = await reserve(store, "o1", { p1: 9 });
    await store.confirm(endCommand(one.reservationId));
    await store.sell(sellCommand("p1", 9, { customerId: carol }));
    await reserve(store, "o2", { p2: 9 }, { customerId: null });
    const stats = await redis.info("commandstats");
    // HGET is what a count is read with.
    expect(stats).not.toMatch(/cmdstat_(?:hget|hdel):/);
    expect(Object.keys(await dump(redis)).filter((key) => key.includes("limit"))).toEqual([]);
  });

  test(`is never passed when ${CALLERS} orders of one customer race on 4 connections`, async () => {
    const stores = await Promise.all([open(), open(), open(), open()]);
    const [first] = stores;
    await limited(first.store, 7, 1_000);
    const outcomes = await Promise.all(
      Array.from({ length: CALLERS }, (_, i) =>
        take((stores[i % stores.length] ?? first).store, carol, `o${i}`, 1 + (i % 2)),
      ),
    );
    const taken = outcomes.flatMap((it) => (it.kind === "reserved" ? [it.reservation] : []));
    const refused = outcomes.filter(({ kind }) => kind === "above_quota");
    const units = taken.flatMap(({ allocations }) => allocations.map((line) => line.held));
    expect(units.reduce((sum, each) => sum + each, 0)).toBe(7);
    expect(taken.length + refused.length).toBe(CALLERS);
    expect(await unitsOf(carol)).toBe(7);
    expect(await totals(first.store, "p1")).toMatchObject({ reserved: 7 });
    await Promise.all(
      taken.map(({ reservationId }, i) =>
        (stores[i % stores.length] ?? first).store.cancel(endCommand(reservationId)),
      ),
    );
    expect(await counts()).toEqual({});
    await invariants(redis);
  });
});
