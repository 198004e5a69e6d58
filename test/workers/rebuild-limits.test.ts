/** What a rebuild writes of limits: the ledger has no count of them, and says what each must be. */
import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { CustomerId, OrderId, type ProductId } from "#inventory/model";
import { ownerOf } from "#inventory/owner";
import { limitKey } from "#redis/keys";
import { customerField } from "#inventory/limits";
import { rebuildPartition } from "#workers/rebuild";
import { soon } from "#test/ledger";
import { openRebuildBed, type RebuildBed } from "#test/rebuilding";
import { clockAt } from "#test/redis";
import { startRedis } from "#test/servers";
import {
  amendCommand,
  endCommand,
  initialize,
  product,
  productOf,
  reserveCommand,
  returnCommand,
  sellCommand,
} from "#test/store";
import { until } from "#test/until";

const redis = await startRedis();
let bed: RebuildBed;

beforeEach(async () => {
  bed = await openRebuildBed(redis.url);
});
afterEach(() => bed[Symbol.asyncDispose]());
afterAll(() => redis.stop());

const [carol, dan, eve] = ["carol", "dan", "eve"].map((name) => CustomerId.parse(name));
if (!carol || !dan || !eve) throw new Error("no customers");

type More = NonNullable<Parameters<typeof reserveCommand>[2]>;

function take(customerId: CustomerId, order: string, lines: Record<string, number>, more?: More) {
  const orderId = OrderId.parse(order);
  const owner = ownerOf(customerId, orderId, "cart");
  const command = reserveCommand(order, lines, { customerId, owner, orderId, ...more });
  return bed.stores.store.reserve(command);
}

async function held(
  customerId: CustomerId,
  order: string,
  lines: Record<string, number>,
  more?: More,
) {
  const outcome = await take(customerId, order, lines, more);
  if (outcome.kind !== "reserved") throw new Error(`reserve answered ${outcome.kind}`);
  return outcome.reservation;
}

/** A sale without a hold. */
async function sold(
  id: string,
  units: number,
  customerId: CustomerId | null,
  order: string | null,
) {
  const { context, ...command } = sellCommand(id, units, { customerId });
  const orderId = order === null ? {} : { orderId: OrderId.parse(order) };
  const whose = customerId === null ? {} : { customerId };
  const outcome = await bed.stores.store.sell({
    ...command,
    context: { ...context, ...whose, ...orderId },
  });
  expect(outcome.kind).toBe("sold");
}

/** A return, as the ledger says of that order. */
async function returned(id: string, units: number, order: string, customerId: CustomerId | null) {
  await bed.drained();
  const orderId = OrderId.parse(order);
  const productId: ProductId = product(id);
  const query = { partition: 0, productId, orderId, customerId };
  const sales = await bed.db.ledger.orderSales(query, soon());
  const owner = ownerOf(null, orderId, productId);
  const { context, ...command } = returnCommand(id, units, sales, { owner });
  const whose = customerId === null ? {} : { customerId };
  const outcome = await bed.stores.store.return({
    ...command,
    context: { ...context, orderId, ...whose },
  });
  expect(outcome.kind).toBe("returned");
}

const counts = (id: string): Promise<Record<string, string>> =>
  bed.stores.redis.hgetall(limitKey(0, id));
const countsOf = (...of: readonly (readonly [CustomerId, number])[]) =>
  Object.fromEntries(of.map(([customer, units]) => [customerField(customer), String(units)]));

test("a rebuild counts what each customer has of a product with a limit", async () => {
  const { store, redis: client } = bed.stores;
  await initialize(store, "p1", 500, { maxPerCustomer: 20 });
  await initialize(store, "p2", 500);
  await initialize(store, "p3", 500, { maxPerCustomer: 9 });
  // Held, sold of a hold, sold without one, sold in part, given back in part, and returned.
  await held(carol, "o1", { p1: 2, p2: 2, p3: 1 });
  const whole = await held(carol, "o2", { p1: 4 });
  await store.confirm(endCommand(whole.reservationId));
  const part = await held(carol, "o3", { p1: 3 });
  const one = [{ productId: product("p1"), quantity: 1 }];
  await store.confirm(endCommand(part.reservationId, { lines: one }));
  await store.cancel(endCommand(part.reservationId, { lines: one }));
  await sold("p1", 3, carol, "o4");
  await sold("p1", 2, dan, null);
  await sold("p1", 5, dan, "o5");
  await returned("p1", 2, "o5", null);
  await returned("p1", 1, "o4", carol);
  // Of an order of two customers nobody knows whose came back without a name.
  await sold("p1", 3, carol, "o6");
  await sold("p1", 3, dan, "o6");
  await returned("p1", 1, "o6", null);
  await returned("p1", 2, "o6", dan);
  const dropped = await held(dan, "o7", { p1: 1 });
  await store.cancel(endCommand(dropped.reservationId));
  // Sold after its expiry, as a hold of its own.
  const due = await held(eve, "o8", { p1: 2 }, { holdSeconds: 60 });
  await clockAt(client, due.expiresAt ?? 0);
  await store.expire(0);
  const late = endCommand(due.reservationId, { reacquireAs: "saleaaaa" });
  expect((await store.confirm(late)).kind).toBe("done");
  const expected = countsOf([carol, 2 + 4 + 2 + 2 + 3], [dan, 2 + 3 + 1], [eve, 2]);
  expect(await counts("p1")).toEqual(expected);
  expect(await counts("p3")).toEqual(countsOf([carol, 1]));
  await bed.drained();
  await client.flushall();
  expect(await rebuildPartition(0, bed.use, { which: "any", discards: false })).toMatchObject({
    kind: "rebuilt",
  });
  expect([await counts("p1"), await counts("p2"), await counts("p3")]).toEqual([
    expected,
    {},
    countsOf([carol, 1]),
  ]);
  await until(() => bed.stores.partitions[0]?.state === "open", { withinMs: 5_000, what: "open" });
  expect(await take(carol, "o9", { p1: 8 })).toMatchObject({
    kind: "above_quota",
    lines: [{ quota: { maxPerCustomer: 20, left: 7 } }],
  });
  expect((await take(carol, "o9", { p1: 7 })).kind).toBe("reserved");
});

test("a rebuild counts from when the limit was set on, and a return of what was sold before gives nothing back", async () => {
  const { store, redis: client } = bed.stores;
  await initialize(store, "p1", 500);
  const { createdAt } = await productOf(store, "p1");
  const before = await held(carol, "o1", { p1: 4 });
  const open = await held(carol, "o2", { p1: 3 });
  await sold("p1", 5, carol, "o3");
  await clockAt(client, createdAt + 30_000);
  await store.amend(amendCommand("p1", { maxPerCustomer: 10 }));
  await clockAt(client, createdAt + 30_002);
  // Made before, and sold since: it does not count, and neither do those that come back.
  await store.confirm(endCommand(before.reservationId));
  await held(carol, "o4", { p1: 6 });
  await sold("p1", 2, carol, "o3");
  await returned("p1", 6, "o3", null);
  const expected = countsOf([carol, 6]);
  expect(await counts("p1")).toEqual(expected);
  const { limitSince } = await productOf(store, "p1");
  expect(limitSince).toBe(createdAt + 30_001);
  await bed.drained();
  await client.flushall();
  await rebuildPartition(0, bed.use, { which: "any", discards: false });
  expect(await counts("p1")).toEqual(expected);
  await until(() => bed.stores.partitions[0]?.state === "open", { withinMs: 5_000, what: "open" });
  expect(await productOf(store, "p1")).toMatchObject({ maxPerCustomer: 10, limitSince });
  await store.cancel(endCommand(open.reservationId));
  expect(await counts("p1")).toEqual(expected);
});

test("a rebuild gives back what each return gave back when it came, and no more", async () => {
  const { store, redis: client } = bed.stores;
  await initialize(store, "p1", 500);
  const { createdAt } = await productOf(store, "p1");
  // Came back before the limit counted anything: nothing that it counts later.
  await sold("p1", 5, carol, "o1");
  await returned("p1", 3, "o1", null);
  await sold("p1", 5, carol, "o2");
  await clockAt(client, createdAt + 30_000);
  await store.amend(amendCommand("p1", { maxPerCustomer: 20 }));
  await clockAt(client, createdAt + 30_002);
  await sold("p1", 2, carol, "o1");
  await returned("p1", 1, "o1", null);
  // More than counted until then: what is sold afterwards counts whole.
  await sold("p1", 2, carol, "o2");
  await returned("p1", 3, "o2", null);
  await sold("p1", 2, carol, "o2");
  await sold("p1", 5, null, "o3");
  await sold("p1", 2, carol, "o3");
  await returned("p1", 4, "o3", null);
  await sold("p1", 2, carol, "o3");
  // Was the one customer's of the order, whoever else buys in it later.
  await sold("p1", 5, carol, "o4");
  await returned("p1", 3, "o4", null);
  await sold("p1", 2, dan, "o4");
  await returned("p1", 1, "o4", carol);
  const expected = countsOf([carol, 1 + 2 + 2 + 1], [dan, 2]);
  expect(await counts("p1")).toEqual(expected);
  await bed.drained();
  await client.flushall();
  await rebuildPartition(0, bed.use, { which: "any", discards: false });
  expect(await counts("p1")).toEqual(expected);
});
