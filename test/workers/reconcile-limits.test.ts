/** Counts of limits against what the ledger says that they must be. */
import { expect, test } from "bun:test";
import { CustomerId } from "#inventory/model";
import { customerField } from "#inventory/limits";
import { limitKey, stockKey } from "#redis/keys";
import { forgotten } from "#test/forgotten";
import { keepBusy, namesOf, openReconcileBed, type ReconcileBed } from "#test/reconcile";
import { amendCommand, endCommand, initialize, reserve, sellCommand } from "#test/store";

const [carol, dan] = [CustomerId.parse("carol"), CustomerId.parse("dan")];
const KEY = limitKey(0, "p1");

/** carol has 4 units, 1 of them bought; dan has bought 2. */
async function seed({ store, drained }: ReconcileBed): Promise<void> {
  await initialize(store, "p1", 50, { maxPerCustomer: 10 });
  await initialize(store, "p2", 50);
  await reserve(store, "o1", { p1: 3, p2: 3 }, { customerId: carol });
  const sold = await reserve(store, "o2", { p1: 1 }, { customerId: carol });
  await store.confirm(endCommand(sold.reservationId));
  const dropped = await reserve(store, "o3", { p1: 2 }, { customerId: dan });
  await store.cancel(endCommand(dropped.reservationId));
  const { context, ...command } = sellCommand("p1", 2, { customerId: dan });
  await store.sell({ ...command, context: { ...context, customerId: dan } });
  await drained();
}
const WHOLE = { [customerField(carol)]: "4", [customerField(dan)]: "2" };

test("counts that are right are no difference, also of a customer that was forgotten, and bought again", async () => {
  await using bed = await openReconcileBed();
  await seed(bed);
  expect(await bed.redis.hgetall(KEY)).toEqual(WHOLE);
  expect((await bed.report()).differences).toEqual([]);
  await forgotten(bed, dan);
  expect(await bed.redis.hgetall(KEY)).toEqual({ [customerField(carol)]: "4" });
  expect((await bed.report()).differences).toEqual([]);
  // Under its id again, which begins anew.
  const { context, ...command } = sellCommand("p1", 1, { customerId: dan });
  await bed.store.sell({ ...command, context: { ...context, customerId: dan } });
  await bed.drained();
  expect(await bed.redis.hget(KEY, customerField(dan))).toBe("1");
  expect((await bed.report()).differences).toEqual([]);
  await bed.redis.hincrby(KEY, customerField(dan), 1);
  expect(namesOf(await bed.report())).toEqual(["limit p1"]);
});

test.each<[what: string, harm: (bed: ReconcileBed) => Promise<unknown>]>([
  ["a count that changed", ({ redis }) => redis.hincrby(KEY, customerField(carol), -3)],
  ["a count that is none", ({ redis }) => redis.hset(KEY, customerField(dan), "many")],
  ["a count of nobody", ({ redis }) => redis.hset(KEY, "ab".repeat(16), "7")],
  ["counts that are gone", ({ redis }) => redis.del(KEY)],
])("%s is found, and a repair sets it to what the ledger says", async (_what, harm) => {
  await using bed = await openReconcileBed();
  await seed(bed);
  await harm(bed);
  const found = await bed.report();
  expect(namesOf(found)).toEqual(["limit p1"]);
  const mended = await bed.repair();
  expect(mended.differences).toMatchObject([{ kind: "limit", repaired: true }]);
  expect(await bed.redis.hgetall(KEY)).toEqual(WHOLE);
  expect((await bed.report()).differences).toEqual([]);
});

test("a key of another type is told by its name, and all else is compared", async () => {
  await using bed = await openReconcileBed();
  await seed(bed);
  await bed.redis.del(KEY);
  await bed.redis.set(KEY, "x");
  await bed.redis.hincrby(stockKey(0, "p2"), "onHand:Warehouse A", 1);
  const { differences } = await bed.repair();
  expect(namesOf({ differences })).toEqual(["counter p2", "unreadable -"]);
  expect(differences.find(({ kind }) => kind === "unreadable")).toMatchObject({ redis: KEY });
});

test("when a limit began to count is held against the ledger, and put back", async () => {
  await using bed = await openReconcileBed();
  await seed(bed);
  await bed.store.amend(amendCommand("p2", { maxPerCustomer: 4 }));
  await bed.drained();
  const key = stockKey(0, "p2");
  const since = await bed.redis.hget(key, "limitSince");
  expect(since).toMatch(/^\d{13}$/);
  await bed.redis.hdel(key, "limitSince");
  // What carol held before would count then.
  expect(namesOf(await bed.report())).toEqual(["product p2"]);
  expect((await bed.repair()).differences).toMatchObject([{ kind: "product", repaired: true }]);
  expect(await bed.redis.hget(key, "limitSince")).toBe(since);
  expect((await bed.report()).differences).toEqual([]);
});

test("under live traffic no count is found wrong that is right", async () => {
  await using bed = await openReconcileBed();
  const ids = Array.from({ length: 20 }, (_, i) => `busy-${i}`);
  for (const id of ids) await initialize(bed.store, id, 100_000, { maxPerCustomer: 50_000 });
  await seed(bed);
  await using traffic = keepBusy(bed, ids);
  for (let i = 0; i < 3; i += 1) expect((await bed.report()).differences).toEqual([]);
  await bed.redis.hincrby(KEY, customerField(dan), 1);
  expect(namesOf(await bed.report())).toEqual(["limit p1"]);
  expect(await traffic.stop()).toBeGreaterThan(100);
  await bed.drained();
  expect((await bed.repair()).differences).toMatchObject([{ kind: "limit", repaired: true }]);
  expect((await bed.report()).differences).toEqual([]);
});
