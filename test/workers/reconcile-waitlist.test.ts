/** What is derived from who waits is held against the records, and made anew. */
import { expect, test } from "bun:test";
import { customerField } from "#inventory/limits";
import { CustomerId } from "#inventory/model";
import { metaKey, stockKey, waitedKey, waitingKey, waitsKey } from "#redis/keys";
import { loadScript, runScript } from "#redis/script";
import { createWaitlist } from "#redis/waitlist";
import { wordsOfHeader } from "#test/answers";
import { namesOf, openReconcileBed, type ReconcileBed } from "#test/reconcile";
import { adjustCommand, initialize, joinCommand, leaveCommand, soon, waiting } from "#test/store";
import { brokenWaitlist } from "#test/waitlist-laws";

async function openLines() {
  const bed = await openReconcileBed();
  const waitlist = createWaitlist({ store: bed.store, onDue: () => undefined });
  await initialize(bed.store, "p1", 0);
  await initialize(bed.store, "p2", 0);
  for (const order of ["a", "b", "c"]) await waitlist.join(joinCommand("p1", order, 1));
  await bed.drained();
  return { bed, waitlist };
}

type Harm = (bed: ReconcileBed, owner: string) => Promise<unknown>;

test.each<[what: string, product: string, harm: Harm]>([
  ["one is missing", "p1", ({ redis }, owner) => redis.zrem(waitingKey(0, "p1"), owner)],
  [
    "one is in it that does not wait",
    "p1",
    ({ redis }) => redis.zadd(waitingKey(0, "p1"), 1, "0c".repeat(16)),
  ],
  ["one stands elsewhere", "p1", ({ redis }, owner) => redis.zadd(waitingKey(0, "p1"), 999, owner)],
  ["it has another number", "p1", ({ redis }) => redis.hset(stockKey(0, "p1"), "waiting", "7")],
  [
    "nobody knows that somebody waits",
    "p1",
    ({ redis }) => redis.hdel(stockKey(0, "p1"), "waiting"),
  ],
  ["nobody would offer anything", "p1", ({ redis }) => redis.del(waitedKey(0))],
  [
    "nobody waits, and the product is kept back",
    "p2",
    ({ redis }) => redis.hset(stockKey(0, "p2"), "waiting", "1"),
  ],
])("a line of which %s is found, and made anew", async (_what, productId, harm) => {
  const { bed, waitlist } = await openLines();
  await using _ = bed;
  expect((await bed.report()).differences).toEqual([]);
  await harm(bed, waiting("p1", "b").owner);
  expect((await bed.report()).differences).toMatchObject([{ kind: "record", productId }]);
  expect((await bed.repair()).differences).toMatchObject([{ kind: "record", repaired: true }]);
  expect((await bed.report()).differences).toEqual([]);
  expect(await brokenWaitlist(bed.redis, 0)).toEqual([]);
  await bed.store.adjust(adjustCommand("p1", 2));
  expect(await waitlist.offer(0, "freed", soon())).toMatchObject({ offered: 2, damaged: [] });
  expect(await waitlist.place(waiting("p1", "c"), soon())).toMatchObject({ position: 1 });
});

const field = (customer: string): string => customerField(CustomerId.parse(customer));

test.each<[what: string, customer: string, harm: (bed: ReconcileBed) => Promise<unknown>]>([
  ["more places", "customer-1", ({ redis }) => redis.hincrby(waitsKey(0), field("customer-1"), 2)],
  ["fewer", "customer-1", ({ redis }) => redis.hset(waitsKey(0), field("customer-1"), "1")],
  ["none", "customer-1", ({ redis }) => redis.hdel(waitsKey(0), field("customer-1"))],
  [
    "what is no count",
    "customer-1",
    ({ redis }) => redis.hset(waitsKey(0), field("customer-1"), "x"),
  ],
  ["one, and waits for nothing", "dan", ({ redis }) => redis.hset(waitsKey(0), field("dan"), "1")],
])(
  "a customer who has %s is found, and its places are counted anew",
  async (_what, customer, harm) => {
    const { bed, waitlist } = await openLines();
    await using _ = bed;
    await waitlist.join(joinCommand("p2", "d", 1, { customer: "carol" }));
    await bed.drained();
    expect((await bed.report()).differences).toEqual([]);
    await harm(bed);
    const cause = `customer ${field(customer)} has not as many places in line as its records say`;
    expect((await bed.report()).differences).toMatchObject([{ kind: "record", cause }]);
    expect((await bed.repair()).differences).toMatchObject([{ cause, repaired: true }]);
    expect((await bed.report()).differences).toEqual([]);
    expect(await brokenWaitlist(bed.redis, 0)).toEqual([]);
  },
);

test("who joins while the records are walked over has its place, and a repair leaves it there", async () => {
  const { bed, waitlist } = await openLines();
  await using _ = bed;
  const since = Number(await bed.redis.hget(metaKey(0), "seq"));
  await waitlist.join(joinCommand("p2", "late", 1));
  await waitlist.leave(leaveCommand("p1", "a"));
  const ids = ["a", "b", "c"].map((order) => `p1/${waiting("p1", order).owner}`);
  const run = (how: string, ...args: string[]) =>
    runScript(bed.redis, loadScript("repair/places.lua"), "{p0}:meta", [
      bed.storeId,
      how,
      field("customer-1"),
      ...args,
    ]);
  expect(await run("look", String(since), ...ids)).toBe("exact");
  await bed.redis.hset(waitsKey(0), field("customer-1"), "9");
  expect(await run("look", String(since), ...ids)).toBe("differs");
  expect(await run("mend", String(since), ...ids)).toBe("repaired");
  expect(await bed.redis.hget(waitsKey(0), field("customer-1"))).toBe("3");
  await expect(run("see", String(since))).rejects.toThrow("cannot be read");
  await expect(run("look")).rejects.toThrow("cannot be read");
  await bed.redis.hset(metaKey(0), "fence", "token");
  expect(await run("mend", String(since), ...ids)).toBe("stale");
  expect([...wordsOfHeader("repair/places.lua").items]).toEqual([
    "differs",
    "exact",
    "repaired",
    "stale",
  ]);
});

test("lines that change all the while are no difference", async () => {
  const { bed, waitlist } = await openLines();
  await using _ = bed;
  const traffic = { isOver: false };
  const busy = (async () => {
    for (let i = 0; !traffic.isOver; i += 1) {
      const order = `o${i % 9}`;
      await waitlist.join(joinCommand("p2", order, 1));
      if (i % 2 === 0) await waitlist.leave(leaveCommand("p2", order));
      if (i % 5 === 0) await bed.store.adjust(adjustCommand("p1", 1));
      await waitlist.offer(0, "freed", soon());
    }
  })();
  for (let i = 0; i < 5; i += 1) expect((await bed.report()).differences).toEqual([]);
  traffic.isOver = true;
  await busy;
  expect(await bed.redis.exists(waitsKey(0))).toBe(1);
});

test("a key of another type is told by its name, and the script says what it promises", async () => {
  const { bed } = await openLines();
  await using _ = bed;
  const run = (...args: string[]) =>
    runScript(bed.redis, loadScript("repair/line.lua"), "{p0}:meta", args);
  expect(await run(bed.storeId, "look", "p1")).toBe("exact");
  expect(await run("another", "look", "p1")).toBe("stale");
  await expect(run(bed.storeId, "see", "p1")).rejects.toThrow("cannot be read");
  await bed.redis.set(waitingKey(0, "p1"), "x");
  expect((await bed.report()).differences).toMatchObject([
    { kind: "unreadable", redis: waitingKey(0, "p1") },
  ]);
  await bed.redis.del(waitsKey(0));
  await bed.redis.set(waitsKey(0), "x");
  expect(namesOf(await bed.report())).toEqual(["unreadable -", "unreadable -"]);
  await bed.redis.del(waitsKey(0));
  await bed.redis.del(waitingKey(0, "p1"));
  expect(await run(bed.storeId, "look", "p1", waiting("p1", "a").owner)).toBe("differs");
  const owners = ["a", "b", "c"].map((order) => waiting("p1", order).owner);
  expect(await run(bed.storeId, "mend", "p1", ...owners)).toBe("repaired");
  expect([...wordsOfHeader("repair/line.lua").items]).toEqual([
    "differs",
    "exact",
    "repaired",
    "stale",
  ]);
});
