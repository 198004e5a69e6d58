import { randomInt } from "node:crypto";
import { describe, expect, test } from "bun:test";
import { splitReservationId } from "#inventory/reservation-id";
import type { ReconcileReport } from "#inventory/reconcile-ports";
import { expiringKey, lowKey, metaKey, reservationKey, skuKey, stockKey } from "#redis/keys";
import { namesOf, openReconcileBed, type ReconcileBed } from "#test/reconcile";
import {
  adjustCommand,
  endCommand,
  extendCommand,
  initialize,
  product,
  reserve,
  reserveCommand,
  type TimedHold,
} from "#test/store";

/** Three products, two live holds, and some history. */
async function seed({ store, drained }: ReconcileBed): Promise<{ one: TimedHold; two: TimedHold }> {
  for (const id of ["p1", "p2", "p3"]) await initialize(store, id, 50);
  await store.adjust(adjustCommand("p3", -45));
  const gone = await reserve(store, "o0", { p1: 3 });
  await store.confirm(endCommand(gone.reservationId));
  const one = await reserve(store, "o1", { p1: 5 });
  const two = await reserve(store, "o2", { p1: 1, p2: 7 });
  await drained();
  return { one, two };
}

const ownerOf = (hold: TimedHold): string => splitReservationId(hold.reservationId).owner;

test("a store that is well has no difference, and all of it was looked at", async () => {
  await using bed = await openReconcileBed();
  await seed(bed);
  const report = await bed.report();
  expect(report).toMatchObject({ differences: [], differenceCount: 0, quarantined: 0 });
  expect(report.checked).toEqual({ products: 3, levels: 3, holds: 2, movements: 9 });
});

type Harm = (bed: ReconcileBed, holds: { one: TimedHold; two: TimedHold }) => Promise<unknown>;

/** A copy of a record under another owner, which the ledger never heard of. */
const STRANGER = "f".repeat(32);

const HARMS: readonly [what: string, expected: readonly string[], harm: Harm][] = [
  [
    "a counter that is off",
    ["counter p1"],
    ({ redis }) => redis.hincrby(stockKey(0, "p1"), "onHand:Warehouse A", 4),
  ],
  [
    "a reserved counter that is off",
    ["counter p2"],
    ({ redis }) => redis.hset(stockKey(0, "p2"), "reserved:Warehouse A", "0"),
  ],
  [
    "a counter that is no number",
    ["counter p2"],
    ({ redis }) => redis.hset(stockKey(0, "p2"), "onHand:Warehouse A", "many"),
  ],
  [
    "a product that is gone from Redis",
    ["counter p2"],
    ({ redis }) => redis.del(stockKey(0, "p2")),
  ],
  [
    "a product that the ledger does not know",
    ["counter ghost", "sku ghost"],
    ({ redis }) => redis.copy(stockKey(0, "p2"), stockKey(0, "ghost")),
  ],
  [
    "an orphan hold",
    ["missing_due p1", "orphan_hold p1"],
    ({ redis }, { one }) =>
      redis.copy(reservationKey(0, ownerOf(one)), reservationKey(0, STRANGER)),
  ],
  [
    "a missing hold",
    ["missing_hold p1"],
    ({ redis }, { one }) => redis.del(reservationKey(0, ownerOf(one))),
  ],
  [
    "a hold of other content",
    ["hold_differs p1"],
    async ({ redis }, { one }) => {
      const key = reservationKey(0, ownerOf(one));
      const text = (await redis.get(key)) ?? "";
      await redis.set(key, text.replace("=5=0=0", "=4=0=0"));
    },
  ],
  [
    "a hold that ended in Redis alone",
    ["hold_differs p1"],
    async ({ redis }, { one }) => {
      const key = reservationKey(0, ownerOf(one));
      const text = (await redis.get(key)) ?? "";
      await redis.set(key, text.replace("ACTIVE\t", "CANCELLED\tcancelled"));
    },
  ],
  [
    "a record that cannot be read",
    ["hold_differs -", "hold_differs p1"],
    ({ redis }, { one }) => redis.set(reservationKey(0, ownerOf(one)), "something else"),
  ],
  [
    "a reservation that the ledger lost",
    ["hold_differs p1", "snapshot p1"],
    ({ db }, { one }) => db.sql`DELETE FROM reservations WHERE owner = ${ownerOf(one)}`,
  ],
  [
    "a hold that no due list has",
    ["missing_due p1"],
    ({ redis }, { one }) => redis.lrem(expiringKey(0, one.expiresAt / 1_000), 0, ownerOf(one)),
  ],
  [
    "a due list that was swept before its time",
    ["missing_due p1", "missing_due p1"],
    ({ redis }, { two }) => redis.hset(metaKey(0), "swept", `${two.expiresAt / 1_000}`),
  ],
  ["a product that lacks in the low set", ["low p3"], ({ redis }) => redis.del(lowKey(0))],
  [
    "a low set of wrong scores and strangers",
    ["low ghost", "low p1", "low p3"],
    ({ redis }) => redis.zadd(lowKey(0), 1, "p1", 2, "p3", 3, "ghost"),
  ],
  ["a SKU that is not claimed", ["sku p2"], ({ redis }) => redis.del(skuKey("SKU-p2"))],
  [
    "a SKU that another product claims",
    ["sku p2"],
    ({ redis }) => redis.set(skuKey("SKU-p2"), "p1\t1700000000000"),
  ],
  [
    "a movement that is missing in the middle",
    ["missing_movement -"],
    ({ db }) => db.sql`DELETE FROM movements WHERE type = 'SALE'`,
  ],
  [
    "a movement that is missing at the end",
    ["missing_movement -"],
    ({ db }) => db.sql`DELETE FROM movements WHERE seq = (SELECT max(seq) FROM movements)`,
  ],
  [
    "a snapshot that is behind",
    ["snapshot p2"],
    ({ db }) => db.sql`UPDATE levels SET reserved = 0, seq = 2 WHERE product_id = 'p2'`,
  ],
  [
    "a snapshot that is gone",
    ["snapshot p2"],
    ({ db }) => db.sql`DELETE FROM levels WHERE product_id = 'p2'`,
  ],
];

describe("a comparison finds", () => {
  test.each(HARMS)("%s", async (_what, expected, harm) => {
    await using bed = await openReconcileBed();
    await harm(bed, await seed(bed));
    const report = await bed.report();
    expect(namesOf(report)).toEqual([...expected]);
    expect(report.differenceCount).toBe(expected.length);
    for (const one of report.differences) expect(one).toMatchObject({ repaired: false });
  });

  test("only what is wrong with the products that were asked for", async () => {
    await using bed = await openReconcileBed();
    await seed(bed);
    for (const id of ["p1", "p2"])
      await bed.redis.hincrby(stockKey(0, id), "onHand:Warehouse A", 1);
    const report = await bed.report({ kind: "products", productIds: [product("p2")] });
    expect(namesOf(report)).toEqual(["counter p2"]);
    expect(report.checked).toMatchObject({ products: 1, levels: 1, holds: 1 });
  });
});

/** What callers do all the time: hold, change their mind, pay, or let it pass. */
async function keepBusy(
  { store }: ReconcileBed,
  productIds: readonly string[],
  until: () => boolean,
) {
  let done = 0;
  const user = async (name: number): Promise<void> => {
    for (let turn = 0; !until(); turn += 1) {
      const id = productIds[randomInt(productIds.length)] ?? "";
      const more = { holdSeconds: randomInt(1, 3) };
      const outcome = await store.reserve(reserveCommand(`${name}-${turn}`, { [id]: 1 }, more));
      if (outcome.kind !== "reserved") continue;
      const { reservationId } = outcome.reservation;
      const luck = randomInt(4);
      if (luck === 0) await store.confirm(endCommand(reservationId));
      if (luck === 1) await store.cancel(endCommand(reservationId));
      if (luck === 2) await store.extend(extendCommand(reservationId, 60));
      done += 1;
    }
  };
  const expiry = async (): Promise<void> => {
    while (!until()) await store.expire(0);
  };
  await Promise.all([expiry(), ...Array.from({ length: 16 }, (_, name) => user(name))]);
  return done;
}

test("under live traffic nothing is found that is not there, and what is there is found", async () => {
  await using bed = await openReconcileBed();
  const ids = Array.from({ length: 300 }, (_, i) => `busy-${i}`);
  for (const id of ids) await initialize(bed.store, id, 100_000);
  await seed(bed);
  let isOver = false;
  const traffic = keepBusy(bed, ids, () => isOver);
  const reports: ReconcileReport[] = [];
  for (let i = 0; i < 5; i += 1) reports.push(await bed.report());
  // p1 and p2 are quiet: what is harmed there stays harmed.
  await bed.redis.hincrby(stockKey(0, "p1"), "onHand:Warehouse A", 4);
  await bed.redis.hset(stockKey(0, "p2"), "reserved:Warehouse A", "0");
  const harmed = await bed.report();
  isOver = true;
  expect(await traffic).toBeGreaterThan(1_000);
  expect(reports.map((report) => report.differences)).toEqual([[], [], [], [], []]);
  for (const { checked } of reports) {
    expect(checked).toMatchObject({ products: 303, levels: 303 });
    expect(checked.holds).toBeGreaterThan(10);
  }
  expect(namesOf(harmed)).toEqual(["counter p1", "counter p2"]);
});
