import { describe, expect, test } from "bun:test";
import type { ReconcileReport } from "#inventory/reconcile-ports";
import { expiringKey, lowKey, reservationKey, skuKey, stockKey } from "#redis/keys";
import { HARMS, seed } from "#test/harms";
import { keepBusy, namesOf, openReconcileBed } from "#test/reconcile";
import { adjustCommand, initialize, product } from "#test/store";

test("a store that is well has no difference, and all of it was looked at", async () => {
  await using bed = await openReconcileBed();
  await seed(bed);
  const report = await bed.report();
  expect(report).toMatchObject({ differences: [], differenceCount: 0, quarantined: 0 });
  expect(report.checked).toEqual({ products: 3, levels: 3, holds: 2, movements: 9 });
});

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
    const productIds = [product("p2"), product("nobody-knows-it")];
    const report = await bed.report({ kind: "products", productIds });
    expect(namesOf(report)).toEqual(["counter p2"]);
    expect(report.unknownProductIds).toEqual([product("nobody-knows-it")]);
    expect(report.checked).toMatchObject({ products: 1, levels: 1, holds: 1 });
  });
});

const LOST = HARMS.filter(([, expected]) => expected[0] === "missing_movement -");

test.each(LOST)("%s is found by a comparison of its product too", async (_what, expected, harm) => {
  await using bed = await openReconcileBed();
  await harm(bed, await seed(bed));
  const report = await bed.report({ kind: "products", productIds: [product("p1"), product("p2")] });
  expect(namesOf(report)).toEqual([...expected]);
});

test("of missing movements the first thousand are named, and all are counted", async () => {
  await using bed = await openReconcileBed();
  await seed(bed);
  for (let i = 0; i < 1_300; i += 1) await bed.store.adjust(adjustCommand("p2", 1));
  await bed.drained();
  await bed.db.sql`DELETE FROM movements WHERE seq > 9 AND seq < 1300`;
  for (const scope of [
    { kind: "all" },
    { kind: "products", productIds: [product("p2")] },
  ] as const) {
    const report = await bed.report(scope);
    expect(new Set(namesOf(report))).toEqual(new Set(["missing_movement -"]));
    expect(report.differences.length).toBe(1_000);
    expect(report.differenceCount).toBe(1_290);
  }
});

test("a store whose old movements were put away has no difference, unless what they left is wrong", async () => {
  await using bed = await openReconcileBed();
  await seed(bed);
  // As a range that ends there would be.
  await bed.db.sql`
    INSERT INTO level_openings (product_id, location, partition, seq, on_hand, reserved)
    SELECT DISTINCT ON (product_id, location)
      product_id, location, partition, seq, on_hand_after, reserved_after
    FROM movements WHERE seq <= 5 ORDER BY product_id, location, seq DESC`;
  await bed.db.sql`INSERT INTO partition_openings (partition, seq) VALUES (0, 5)`;
  await bed.db.sql`DELETE FROM movements WHERE seq <= 5`;
  const report = await bed.report();
  expect(report).toMatchObject({ differences: [], differenceCount: 0, checked: { movements: 4 } });
  const some = await bed.report({ kind: "products", productIds: [product("p1"), product("p2")] });
  expect(some).toMatchObject({ differences: [], differenceCount: 0 });
  await bed.db.sql`UPDATE level_openings SET on_hand = on_hand + 1`;
  // Where a movement follows, it does not begin there; p3 has none.
  const wrong = await bed.report();
  expect(namesOf(wrong)).toEqual(["break p1", "break p2", "snapshot p3"]);
  expect(wrong.differenceCount).toBe(3);
});

test("under live traffic nothing is found that is not there, and what is there is found", async () => {
  await using bed = await openReconcileBed();
  const ids = Array.from({ length: 300 }, (_, i) => `busy-${i}`);
  for (const id of ids) await initialize(bed.store, id, 100_000);
  await seed(bed);
  await using traffic = keepBusy(bed, ids);
  const reports: ReconcileReport[] = [];
  for (let i = 0; i < 5; i += 1) reports.push(await bed.report());
  // p1 and p2 are quiet: what is harmed there stays harmed.
  await bed.redis.hincrby(stockKey(0, "p1"), "onHand:Warehouse A", 4);
  await bed.redis.hset(stockKey(0, "p2"), "reserved:Warehouse A", "0");
  const harmed = await bed.report();
  expect(await traffic.stop()).toBeGreaterThan(1_000);
  expect(reports.map((report) => report.differences)).toEqual([[], [], [], [], []]);
  for (const { checked } of reports) {
    expect(checked).toMatchObject({ products: 303, levels: 303 });
    expect(checked.holds).toBeGreaterThan(10);
  }
  expect(namesOf(harmed)).toEqual(["counter p1", "counter p2"]);
});

test("keys of another type or name are told, and all else is compared and mended", async () => {
  await using bed = await openReconcileBed();
  const { one } = await seed(bed);
  const { redis } = bed;
  const due = expiringKey(0, one.expiresAt / 1_000);
  await redis.del(due, lowKey(0), skuKey("SKU-p3"));
  await redis.set(due, "x");
  await redis.set(lowKey(0), "x");
  await redis.sadd(skuKey("SKU-lost"), "x");
  await redis.set(reservationKey(0, "zzz"), "x");
  await redis.hset(stockKey(0, "a b"), "x", "1");
  await redis.sadd(reservationKey(0, "f".repeat(32)), "x");
  await redis.hincrby(stockKey(0, "p1"), "onHand:Warehouse A", 1);
  // A claim of just now may be for a product that is made in this moment.
  await redis.set(skuKey("SKU-new"), `p9\t${Date.now()}`);
  const { differences } = await bed.repair();
  const strange = differences.filter(({ kind }) => kind === "unreadable");
  const keys = [due, lowKey(0), skuKey("SKU-lost"), reservationKey(0, "zzz"), stockKey(0, "a b")];
  expect(new Set(strange.map(({ redis: key }) => key))).toEqual(new Set(keys));
  expect(strange.length).toBe(keys.length);
  for (const found of strange) expect(found.repaired).toBe(false);
  const others = differences.filter(({ kind }) => kind !== "unreadable");
  expect(namesOf({ differences: others })).toEqual(["counter p1", "hold_differs -", "sku p3"]);
  expect(others.filter(({ kind }) => kind !== "counter")).toMatchObject([
    { kind: "sku", repaired: true },
    { kind: "hold_differs", repaired: true },
  ]);
  await redis.del(due, lowKey(0));
  await redis.zadd(lowKey(0), 1, "a b'c");
  expect(namesOf(await bed.repair())).toContain("unreadable -");
});

test("a movement beyond the last one is told, without any chain", async () => {
  await using bed = await openReconcileBed();
  await seed(bed);
  await bed.db.sql`INSERT INTO movements (partition, seq, epoch, type, product_id, location,
      on_hand_before, on_hand_after, reserved_before, reserved_after, actor, at)
    SELECT partition, 11, epoch, 'ADJUSTMENT', product_id, location, 1, 500, 0, 0, 'admin:eve', at
    FROM movements WHERE seq = 2`;
  for (const scope of [
    { kind: "all" },
    { kind: "products", productIds: [product("p2")] },
  ] as const) {
    const { differences } = await bed.report(scope);
    expect(differences).toMatchObject([
      { kind: "stray_movement", cause: "movement 11 is beyond the last one, 9", repaired: false },
    ]);
  }
});
