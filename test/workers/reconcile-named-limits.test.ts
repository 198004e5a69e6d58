/** Counts of limits with a name, and what is found by product of them, against what the ledger says. */
import { expect, test } from "bun:test";
import { customerField } from "#inventory/limits";
import { limitedKey, metaKey, recordKey, ruleKey } from "#redis/keys";
import { carol, dan, group, held, putLimit, stocked } from "#test/limits";
import { keepBusy, namesOf, openReconcileBed, type ReconcileBed } from "#test/reconcile";
import { endCommand, sellCommand } from "#test/store";

const KEY = ruleKey(0, "drop", "always");
const HOARD = ruleKey(0, "hoard", "always");

/** carol has 4 units, 1 of them bought; dan has bought 2. */
async function seed({ store, redis, drained }: ReconcileBed): Promise<string> {
  await stocked(store, "p1", "p2");
  await putLimit(redis, store, "drop", group("p1", "p2"));
  await putLimit(redis, store, "hoard", { counts: "held", maxUnits: 90_000, maxHolds: 9_000 });
  const { since } = await putLimit(redis, store, "daily", { maxUnits: 90_000, windowHours: 24 });
  await held(store, carol, "o1", { p1: 2, p2: 1 });
  const sold = await held(store, carol, "o2", { p1: 1 });
  await store.confirm(endCommand(sold.reservationId));
  const dropped = await held(store, dan, "o3", { p2: 2 });
  await store.cancel(endCommand(dropped.reservationId));
  const { context, ...command } = sellCommand("p1", 2, { customerId: dan });
  await store.sell({ ...command, context: { ...context, customerId: dan } });
  await drained();
  return ruleKey(0, "daily", String(Math.floor(since / 86_400_000)));
}
const WHOLE = { [customerField(carol)]: "4", [customerField(dan)]: "2" };
const HELD = { [customerField(carol)]: "3", [`${customerField(carol)}:holds`]: "1" };

test("counts that are right are no difference", async () => {
  await using bed = await openReconcileBed();
  const daily = await seed(bed);
  const { redis } = bed;
  const all = await Promise.all([KEY, HOARD, daily].map((key) => redis.hgetall(key)));
  expect(all).toEqual([WHOLE, HELD, WHOLE]);
  expect((await bed.report()).differences).toEqual([]);
});

test.each<[what: string, harm: (bed: ReconcileBed, daily: string) => Promise<unknown>]>([
  ["a count that changed", ({ redis }) => redis.hincrby(KEY, customerField(carol), -3)],
  ["counts that are gone", ({ redis }) => redis.del(KEY)],
  ["a number of holds", ({ redis }) => redis.hset(HOARD, `${customerField(carol)}:holds`, "7")],
  ["a count of nobody", ({ redis }) => redis.hset(HOARD, "ab".repeat(16), "7")],
  ["a count of a window", ({ redis }, daily) => redis.hset(daily, customerField(dan), "9")],
  ["a product that no limit is found by", ({ redis }) => redis.hdel(limitedKey(0), "p2")],
  ["a limit over all that is not found", ({ redis }) => redis.hset(metaKey(0), "limits", "")],
  ["a partition that finds none", ({ redis }) => redis.hdel(metaKey(0), "limits")],
])("%s is found, and a repair sets it to what the ledger says", async (_what, harm) => {
  await using bed = await openReconcileBed();
  const daily = await seed(bed);
  await harm(bed, daily);
  expect(namesOf(await bed.report())).toEqual(["limit -"]);
  const mended = await bed.repair();
  expect(mended.differences).toMatchObject([{ kind: "limit", repaired: true }]);
  const { redis } = bed;
  const all = await Promise.all([KEY, HOARD, daily].map((key) => redis.hgetall(key)));
  expect(all).toEqual([WHOLE, HELD, WHOLE]);
  expect(await redis.pexpiretime(daily)).toBeGreaterThan(Date.now());
  expect(await redis.hgetall(limitedKey(0))).toEqual({ p1: "drop", p2: "drop" });
  const ofAll = (await redis.hget(metaKey(0), "limits"))?.split(",").toSorted();
  expect(ofAll).toEqual(["daily", "hoard"]);
  expect((await bed.report()).differences).toEqual([]);
});

test("a record that was lost comes back with what is found by it", async () => {
  await using bed = await openReconcileBed();
  await seed(bed);
  const text = await bed.redis.hget(recordKey(0, "limit"), "drop");
  await bed.redis.hdel(recordKey(0, "limit"), "drop");
  await bed.redis.hdel(limitedKey(0), "p1", "p2");
  expect((await bed.repair()).differences).toMatchObject([{ kind: "record", repaired: true }]);
  expect(await bed.redis.hget(recordKey(0, "limit"), "drop")).toBe(text);
  expect(await bed.redis.hgetall(limitedKey(0))).toEqual({ p1: "drop", p2: "drop" });
  expect((await bed.report()).differences).toEqual([]);
});

test("keys of another type are told by their names, and all else is compared", async () => {
  await using bed = await openReconcileBed();
  await seed(bed);
  await bed.redis.del(KEY);
  await bed.redis.set(KEY, "x");
  await bed.redis.hincrby(HOARD, customerField(carol), 1);
  expect(namesOf(await bed.report())).toEqual(["limit -", "unreadable -"]);
  await bed.redis.set(limitedKey(0), "x");
  const { differences } = await bed.report();
  expect(differences).toMatchObject([{ kind: "unreadable", redis: limitedKey(0) }]);
});

test("under live traffic no count is found wrong that is right", async () => {
  await using bed = await openReconcileBed();
  const ids = Array.from({ length: 20 }, (_, i) => `busy-${i}`);
  await stocked(bed.store, ...ids);
  await putLimit(bed.redis, bed.store, "busy", { ...group(...ids), maxUnits: 100_000 });
  await seed(bed);
  await using traffic = keepBusy(bed, ids);
  for (let i = 0; i < 3; i += 1) expect((await bed.report()).differences).toEqual([]);
  await bed.redis.hincrby(KEY, customerField(dan), 1);
  expect(namesOf(await bed.report())).toEqual(["limit -"]);
  expect(await traffic.stop()).toBeGreaterThan(50);
  await bed.drained();
  expect((await bed.repair()).differences).toMatchObject([{ kind: "limit", repaired: true }]);
  expect((await bed.report()).differences).toEqual([]);
});
