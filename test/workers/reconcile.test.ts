import { describe, expect, test } from "bun:test";
import type { ReconcileReport } from "#inventory/reconcile-ports";
import { stockKey } from "#redis/keys";
import { HARMS, seed } from "#test/harms";
import { keepBusy, namesOf, openReconcileBed } from "#test/reconcile";
import { initialize, product } from "#test/store";

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
    const report = await bed.report({ kind: "products", productIds: [product("p2")] });
    expect(namesOf(report)).toEqual(["counter p2"]);
    expect(report.checked).toMatchObject({ products: 1, levels: 1, holds: 1 });
  });
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
  expect((await bed.report()).differenceCount).toBeGreaterThan(0);
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
