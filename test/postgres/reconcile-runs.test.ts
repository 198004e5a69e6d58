import { expect, test } from "bun:test";
import type { ReconcileReport } from "#inventory/reconcile-ports";
import { systemClock } from "#lib/clock";
import { createRunsTable } from "#postgres/reconcile-runs";
import { openLedger, soon } from "#test/ledger";

const run = (id: string) =>
  ({ id, mode: "report", scope: { kind: "all" }, askedBy: "admin:ada", payload: "" }) as const;

const REPORT: ReconcileReport = {
  checked: { products: 1, levels: 1, holds: 0, movements: 1 },
  differences: [
    {
      kind: "sku",
      partition: 0,
      productId: "p1",
      location: null,
      reservationId: null,
      redis: null,
      ledger: null,
      cause: "SKU one is not claimed",
      repaired: false,
    },
  ],
  differenceCount: 1,
  explained: 0,
  quarantined: 0,
};

test("runs wait that nobody has begun, or whose worker has not been heard of for a minute", async () => {
  await using db = await openLedger();
  const runs = createRunsTable(db.sql, systemClock);
  for (const id of ["ended", "new", "well", "dead", "unheard"]) await runs.ask(run(id), soon());
  for (const id of ["ended", "well", "dead", "unheard"]) await runs.begin(id);
  await db.sql`UPDATE reconcile_runs SET started_at = now() - interval '2 minutes',
    progressed_at = now() - interval '2 minutes' WHERE status = 'running'`;
  await db.sql`UPDATE reconcile_runs SET progressed_at = NULL WHERE id = 'unheard'`;
  await runs.complete("ended", REPORT);
  await runs.progress("well", 3, REPORT);
  expect(await runs.waiting()).toEqual(["new", "dead", "unheard"]);
  await runs.begin("dead");
  expect(await runs.waiting()).toEqual(["new", "unheard"]);
});

test("a run is read with its differences, and listed without them", async () => {
  await using db = await openLedger();
  const runs = createRunsTable(db.sql, systemClock);
  for (const id of ["new", "ended"]) await runs.ask(run(id), soon());
  await runs.begin("ended");
  await runs.complete("ended", REPORT);
  expect((await runs.read("ended", soon()))?.report).toEqual(REPORT);
  const listed = await runs.list(5, soon());
  expect(listed.map(({ report }) => report)).toEqual([{ ...REPORT, differences: [] }, null]);
});
