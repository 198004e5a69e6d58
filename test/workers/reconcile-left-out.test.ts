/** Limits that a comparison cannot judge are told with why: what it does not say differs was not looked at. */
import { expect, test } from "bun:test";
import type { LeftOutReason } from "#inventory/reconcile-ports";
import { campaignRule } from "#inventory/campaigns";
import { started } from "#test/campaigns";
import { carol, group, held, putLimit, stocked } from "#test/limits";
import { openReconcileBed, type ReconcileBed } from "#test/reconcile";
import { adjustCommand, amendCommand } from "#test/store";
import { until } from "#test/until";

/** Limits of each kind over p1, and over p2, which nothing happens to. */
async function seed({ store, redis, drained }: ReconcileBed) {
  await stocked(store, "p1", "p2");
  for (const id of ["p1", "p2"]) await store.amend(amendCommand(id, { maxPerCustomer: 9 }));
  await putLimit(redis, store, "drop", { ...group("p1"), maxUnits: 9 });
  await putLimit(redis, store, "calm", { ...group("p2"), maxUnits: 9 });
  const { campaignId } = await started(store, { p1: 9, p2: 9 }, { maxPerCustomer: 9 });
  await held(store, carol, "o1", { p1: 2, p2: 2 }, { campaignId });
  await drained();
  const of = (id: string) => campaignRule(campaignId, id);
  return {
    hot: ["product:p1", "drop", of("p1")].toSorted(),
    all: ["product:p1", "product:p2", "drop", "calm", of("p1"), of("p2")].toSorted(),
  };
}

async function leftOut(bed: ReconcileBed): Promise<Record<string, LeftOutReason>> {
  const report = await bed.report();
  expect(report.differences).toEqual([]);
  expect(report.leftOutCount).toBe(report.leftOut.length);
  expect(new Set(report.leftOut.map(({ partition }) => partition)).size).toBeLessThan(2);
  return Object.fromEntries(report.leftOut.map(({ limit, why }) => [limit, why]));
}

const because = (limits: readonly string[], why: LeftOutReason) =>
  Object.fromEntries(limits.map((limit) => [limit, why]));

test("what changes at each look is left out, and no more once it stands still", async () => {
  await using bed = await openReconcileBed();
  const { hot } = await seed(bed);
  expect(await leftOut(bed)).toEqual({});
  const traffic = { done: 0, isOver: false };
  const busy = (async () => {
    for (; !traffic.isOver; traffic.done += 1) await bed.store.adjust(adjustCommand("p1", 1));
  })();
  await until(() => traffic.done > 10, { withinMs: 5_000, what: "traffic" });
  const found = await leftOut(bed);
  traffic.isOver = true;
  await busy;
  expect(found).toEqual(because(hot, "busy"));
  await bed.drained();
  expect(await leftOut(bed)).toEqual({});
});

test("what had movements that were put away is left out", async () => {
  await using bed = await openReconcileBed();
  const { all } = await seed(bed);
  await bed.db.sql`INSERT INTO partition_openings (partition, seq, at) VALUES (0, 0, now())`;
  expect(await leftOut(bed)).toEqual(because(all, "put_away"));
});

test("what PostgreSQL refused a movement of is left out", async () => {
  await using bed = await openReconcileBed();
  const { hot } = await seed(bed);
  await bed.db.sql.unsafe(
    "ALTER TABLE movements ADD CONSTRAINT refused_by_a_test CHECK (type <> 'ADJUSTMENT') NOT VALID",
  );
  await bed.store.adjust(adjustCommand("p1", 1));
  await bed.drained();
  const { leftOut: found, quarantined } = await bed.report();
  expect(quarantined).toBe(1);
  const told = Object.fromEntries(found.map(({ limit, why }) => [limit, why]));
  expect(told).toEqual(because(hot, "in_doubt"));
});
