/** Whom the ledger forgets no limit counts any more, in Redis neither, and both sides say the same of it. */
import { expect, test } from "bun:test";
import { customerField } from "#inventory/limits";
import { OrderId, type CustomerId } from "#inventory/model";
import { ownerOf } from "#inventory/owner";
import { createPseudonymWork } from "#postgres/pseudonymizations";
import { loadScript, runScript } from "#redis/script";
import { wordsOfHeader } from "#test/answers";
import { started } from "#test/campaigns";
import { forgetting, forgotten } from "#test/forgotten";
import { keysLike } from "#test/keyspace";
import { soon } from "#test/ledger";
import { carol, dan, held, putLimit, stocked } from "#test/limits";
import { openReconcileBed, type ReconcileBed } from "#test/reconcile";
import { amendCommand, endCommand, product, returnCommand, sellCommand } from "#test/store";

async function sold(bed: ReconcileBed, units: number, customerId: CustomerId, order: string) {
  const { context, ...command } = sellCommand("p1", units, { customerId });
  const whose = { ...context, customerId, orderId: OrderId.parse(order) };
  expect((await bed.store.sell({ ...command, context: whose })).kind).toBe("sold");
}

async function returned(bed: ReconcileBed, units: number, order: string): Promise<void> {
  await bed.drained();
  const orderId = OrderId.parse(order);
  const productId = product("p1");
  const query = { partition: 0, productId, orderId, customerId: null };
  const sales = await bed.db.ledger.orderSales(query, soon());
  const owner = ownerOf(null, orderId, productId);
  const { context, ...command } = returnCommand("p1", units, sales, { owner });
  const outcome = await bed.store.return({ ...command, context: { ...context, orderId } });
  expect(outcome.kind).toBe("returned");
}

/** Under each kind of limit carol bought 5, and dan 2. */
async function seed(bed: ReconcileBed): Promise<void> {
  const { store, redis } = bed;
  await stocked(store, "p1");
  await store.amend(amendCommand("p1", { maxPerCustomer: 50 }));
  await putLimit(redis, store, "drop", { maxUnits: 50 });
  await putLimit(redis, store, "daily", { maxUnits: 50, windowHours: 24, maxHolds: 9 });
  const { campaignId } = await started(store, { p1: 99 }, { maxPerCustomer: 50 });
  await sold(bed, 3, carol, "o1");
  await sold(bed, 2, dan, "o2");
  const one = await held(store, carol, "o3", { p1: 2 }, { campaignId });
  await store.confirm(endCommand(one.reservationId));
  await bed.drained();
}

/** Units that counts have of a customer, by key. */
async function countsOf({ redis }: ReconcileBed, customerId: CustomerId): Promise<string[]> {
  const keys = await keysLike(redis, "{p0}:limit:");
  const found = await Promise.all(keys.map((key) => redis.hget(key, customerField(customerId))));
  return found.flatMap((units) => units ?? []).toSorted();
}

async function sound(bed: ReconcileBed): Promise<void> {
  await bed.drained();
  expect(await bed.report()).toMatchObject({ differences: [], leftOut: [] });
}

test("who is forgotten is in no count any more, and all others are", async () => {
  await using bed = await openReconcileBed();
  await seed(bed);
  expect(await countsOf(bed, carol)).toEqual(["2", "5", "5", "5"]);
  await sound(bed);
  await forgotten(bed, carol);
  expect(await countsOf(bed, carol)).toEqual([]);
  expect(await countsOf(bed, dan)).toEqual(["2", "2", "2"]);
  await sound(bed);
});

test.each([
  ["some of it", 1, "o1"],
  ["all of it", 3, "o1"],
  ["what came through a campaign", 2, "o3"],
])(
  "an order of who was forgotten comes back, %s, and no count differs",
  async (_what, units, order) => {
    await using bed = await openReconcileBed();
    await seed(bed);
    await forgotten(bed, carol);
    await returned(bed, units, order);
    await sound(bed);
    // It begins anew, and what it had before is given back to nobody.
    await sold(bed, 4, carol, "o9");
    await returned(bed, 1, order === "o1" ? "o3" : "o1");
    expect(await countsOf(bed, carol)).toEqual(["4", "4", "4"]);
    await sound(bed);
  },
);

test("while a customer is being forgotten its counts are left out, and the report says so", async () => {
  await using bed = await openReconcileBed();
  await seed(bed);
  const work = await forgetting(bed, carol, 6);
  await work.step();
  const [pseudonyms] = await bed.db.sql`SELECT count(*)::int AS rows FROM movements
    WHERE customer_id LIKE 'pseudonym-%'`;
  expect(Number(pseudonyms?.["rows"])).toBeLessThan(3);
  const { differences, leftOut } = await bed.report();
  expect(differences).toEqual([]);
  expect(new Set(leftOut.map(({ why }) => why))).toEqual(new Set(["forgetting"]));
  expect(leftOut).toHaveLength(4);
  while (await work.step());
  await sound(bed);
});

test("the ledger keeps an id until counts have forgotten it: a fenced Redis keeps it for the next step", async () => {
  await using bed = await openReconcileBed();
  await seed(bed);
  const work = await forgetting(bed, carol);
  const told: string[] = [];
  const failing = createPseudonymWork(bed.db.sql, {
    counted: {
      async forget(_partition, customerId, productIds) {
        told.push(customerId, ...productIds);
        throw new Error("Redis is away");
      },
    },
    partitions: 1,
  });
  await failing.step();
  await expect(failing.step()).rejects.toThrow("Redis is away");
  expect(told).toEqual([carol, "p1"]);
  const [open] = await bed.db.sql`SELECT customer_id FROM pseudonymizations`;
  expect(open?.["customer_id"]).toBe(carol);
  await bed.redis.hset("{p0}:meta", "fence", "token");
  await expect(work.step()).rejects.toThrow("fenced");
  await bed.redis.hdel("{p0}:meta", "fence");
  while (await work.step());
  await sound(bed);
});

test("the script that forgets says what it promises", async () => {
  await using bed = await openReconcileBed();
  await seed(bed);
  const run = (...args: string[]) =>
    runScript(bed.redis, loadScript("repair/forget-customer.lua"), "{p0}:meta", args);
  expect(await run("another", customerField(dan), "p1")).toBe("stale");
  await expect(run(bed.storeId, "{x}")).rejects.toThrow("cannot be read");
  expect(await countsOf(bed, dan)).toHaveLength(3);
  expect(await run(bed.storeId, customerField(dan), "p1")).toBe("forgotten");
  expect(await countsOf(bed, dan)).toEqual([]);
  expect([...wordsOfHeader("repair/forget-customer.lua").items]).toEqual(["forgotten", "stale"]);
});
