import { afterAll, beforeAll, expect, test } from "bun:test";
import { ProductId } from "#inventory/model";
import type { RaiseCommand } from "#inventory/ports";
import type { RecoveryReport } from "#inventory/rebuild-ports";
import { createAlertDesk } from "#postgres/event-ledger";
import { readLedgerTroubles } from "#postgres/ledger-standing";
import { reportRecovery } from "#postgres/recovery-reports";
import { openLedger, type TestLedger } from "#test/ledger";

const ANSWER_MS_MAX = 5_000;
let db: TestLedger;

beforeAll(async () => {
  db = await openLedger({ partitions: 2 });
  await db.writer.cursor(0);
  await db.writer.cursor(1);
});
afterAll(() => db[Symbol.asyncDispose]());

/** Of partition 0, then of partition 1: products that differ, reports of losses. */
async function troubles(): Promise<readonly (readonly [number, number])[]> {
  const found = await readLedgerTroubles(db.sql, ANSWER_MS_MAX);
  return found
    .toSorted((a, b) => a.partition - b.partition)
    .map(({ openDifferences, lossReports }) => [openDifferences, lossReports] as const);
}

test("differences count until they are over, each product once, and each partition its own", async () => {
  const desk = createAlertDesk(db.sql);
  const [p1, p2] = [ProductId.parse("product-1"), ProductId.parse("product-2")];
  const raise = (kind: RaiseCommand["kind"], productId: ProductId | null, partition = 0) =>
    desk.raise({ partition, kind, productId, units: null, detail: null });
  expect(await troubles()).toEqual([
    [0, 0],
    [0, 0],
  ]);
  for (const productId of [p1, p2, null]) await raise("drift", productId);
  await raise("drift", p1, 1);
  await raise("lag", null, 1);
  expect((await troubles()).map(([count]) => count)).toEqual([3, 1]);
  await raise("drift_over", p1);
  await raise("drift_over", null);
  expect((await troubles()).map(([count]) => count)).toEqual([1, 1]);
  await raise("drift", p1);
  expect((await troubles()).map(([count]) => count)).toEqual([2, 1]);
  for (const productId of [p1, p2]) await raise("drift_over", productId);
  await raise("drift_over", p1, 1);
  expect((await troubles()).map(([count]) => count)).toEqual([0, 0]);
});

test("reports of what is lost count, and those of what was rebuilt do not", async () => {
  const report = (kind: RecoveryReport["kind"], reportedBy: string) =>
    reportRecovery(db.sql, {
      partition: 1,
      kind,
      epoch: 2,
      missing: { from: 6, to: 9 },
      operations: [],
      facts: {},
      reportedBy,
    });
  await report("rebuilt", "a");
  for (const reportedBy of ["a", "b", "b"]) await report("lost", reportedBy);
  expect((await troubles()).map(([, count]) => count)).toEqual([0, 2]);
});
