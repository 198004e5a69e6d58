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
  leftOutCount: 1,
  leftOut: [{ partition: 0, limit: "product:p9", why: "busy" as const }],
  unknownProductIds: [],
  quarantined: 0,
  quarantine: [],
};

test("runs wait that nobody has begun, or whose worker has not been heard of for a minute", async () => {
  await using db = await openLedger();
  const runs = createRunsTable(db.sql, systemClock);
  for (const id of ["ended", "new", "well", "dead", "unheard"]) await runs.ask(run(id), soon());
  for (const id of ["ended", "well", "dead", "unheard"]) await runs.begin(id);
  await db.sql`UPDATE reconcile_runs SET started_at = now() - interval '2 minutes',
    progressed_at = now() - interval '2 minutes' WHERE status = 'running'`;
  await db.sql`UPDATE reconcile_runs SET progressed_at = NULL WHERE id = 'unheard'`;
  await runs.complete({ id: "ended", attempt: 1 }, REPORT);
  await runs.progress({ id: "well", attempt: 1 }, 3, REPORT);
  expect(await runs.waiting()).toEqual(["new", "dead", "unheard"]);
  await runs.begin("dead");
  expect(await runs.waiting()).toEqual(["new", "unheard"]);
});

test("a run is read with its differences, and listed without them", async () => {
  await using db = await openLedger();
  const runs = createRunsTable(db.sql, systemClock);
  for (const id of ["new", "ended"]) await runs.ask(run(id), soon());
  await runs.begin("ended");
  await runs.complete({ id: "ended", attempt: 1 }, REPORT);
  expect((await runs.read("ended", soon()))?.report).toEqual(REPORT);
  const { items, nextCursor } = await runs.list(null, 5, soon());
  expect(items.map(({ report }) => report)).toEqual([{ ...REPORT, differences: [] }, null]);
  expect(nextCursor).toBeNull();
});

test("the list of runs is read page by page, each run once, those of one moment by their ids", async () => {
  await using db = await openLedger();
  const runs = createRunsTable(db.sql, systemClock);
  const ids = ["a", "b", "c", "d", "e"];
  for (const id of ids) await runs.ask(run(id), soon());
  await db.sql`UPDATE reconcile_runs SET asked_at = now() WHERE id IN ('b', 'c', 'd')`;
  const seen: string[] = [];
  for (let cursor: string | null = null, pages = 0; pages === 0 || cursor !== null; pages += 1) {
    const page: Awaited<ReturnType<typeof runs.list>> = await runs.list(cursor, 2, soon());
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  }
  expect(seen).toEqual(["d", "c", "b", "e", "a"]);
  await expect(runs.list("nonsense", 5, soon())).rejects.toMatchObject({
    code: "validation_failed",
  });
});

test("what was mended is noted for the next attempt, and an earlier one writes no more", async () => {
  await using db = await openLedger();
  const runs = createRunsTable(db.sql, systemClock);
  const [difference] = REPORT.differences;
  if (difference === undefined) throw new Error("the report has no difference");
  const mended = { ...difference, repaired: true };
  await runs.ask({ ...run("one"), mode: "repair" }, soon());
  const first = { id: "one", attempt: 1 };
  expect(await runs.begin("one")).toMatchObject({ ...first, mended: new Map() });
  await runs.progress(first, 40, REPORT);
  for (const name of ["a", "a", "b", "c"]) await runs.noteMended(first, name, mended);
  await runs.noteMended(first, "d", null);
  await runs.withdrawMended(first, "c");

  const second = { id: "one", attempt: 2 };
  const begun = await runs.begin("one");
  const noted = { a: mended, b: mended, d: null };
  expect(begun).toMatchObject({ ...second, report: REPORT });
  expect(Object.fromEntries(begun?.mended ?? [])).toEqual(noted);
  expect(await runs.progress(first, 50, REPORT)).toBe(false);
  expect(await runs.noteMended(first, "e", mended)).toBe(false);
  expect(await runs.withdrawMended(first, "a")).toBe(false);
  expect(
    (await db.sql`SELECT name FROM reconcile_mended ORDER BY name`).map((row) => row["name"]),
  ).toEqual(["a", "b", "d"]);
  expect(await runs.putBack(first)).toBe(false);
  expect(await runs.complete(first, REPORT)).toBe(false);
  expect(await runs.fail(first, "late", null)).toBe(false);
  expect(await runs.read("one", soon())).toMatchObject({ status: "running", error: null });

  expect(await runs.fail(second, "gone", null)).toBe(true);
  const failed = { status: "failed", error: "gone", report: REPORT };
  expect(await runs.read("one", soon())).toMatchObject(failed);
  expect(await runs.complete(second, REPORT)).toBe(false);
  expect(await db.count("SELECT count(*) FROM reconcile_mended")).toBe(0);
});

test("so many runs may be open; one that is known is answered, and the nightly one comes", async () => {
  await using db = await openLedger();
  const runs = createRunsTable(db.sql, systemClock);
  for (let i = 0; i < 50; i += 1) {
    expect(await runs.ask(run(`r${i}`), soon())).toEqual({ made: true });
  }
  expect(await runs.ask(run("more"), soon())).toBe("full");
  expect(await runs.ask(run("r7"), soon())).toEqual({ made: false });
  const nightly = { ...run("nightly1"), askedBy: "system:nightly" };
  expect(await runs.ask(nightly, soon())).toEqual({ made: true });
  for (const id of ["r0", "r1"]) {
    await runs.begin(id);
    await runs.fail({ id, attempt: 1 }, "gone", null);
  }
  expect(await runs.ask(run("more"), soon())).toEqual({ made: true });
});
