import { expect, test } from "bun:test";
import type { NewCountRun } from "#inventory/count-run-ports";
import { systemClock } from "#lib/clock";
import { createCountRunsTable } from "#postgres/count-runs";
import { openLedger, soon } from "#test/ledger";

const run = (id: string, payload = ""): NewCountRun => ({
  id,
  payload,
  errorPolicy: "reject_all",
  commit: true,
  reference: null,
  askedBy: "admin:ada",
  rows: [{ row: 1, line: null, productId: null, location: null, wrong: "no count" }],
});

test("runs are listed newest first, each once, whatever the size of a page", async () => {
  await using db = await openLedger();
  const runs = createCountRunsTable(db.sql, systemClock);
  for (const id of ["a", "b", "c", "d", "e"]) await runs.ask(run(id), soon());
  // Three of one moment, and one a microsecond later.
  await db.sql`UPDATE count_runs SET asked_at = '2026-01-01T00:00:00.123456Z' WHERE id < 'd'`;
  await db.sql`UPDATE count_runs SET asked_at = '2026-01-01T00:00:00.123457Z' WHERE id = 'd'`;
  await db.sql`UPDATE count_runs SET asked_at = '2020-01-01' WHERE id = 'e'`;
  for (const limit of [1, 2, 3, 5, 9]) {
    const seen: string[] = [];
    for (let cursor: string | null = null; ;) {
      const page: Awaited<ReturnType<typeof runs.list>> = await runs.list(cursor, limit, soon());
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
      if (cursor === null) break;
    }
    expect(seen).toEqual(["d", "c", "b", "a", "e"]);
  }
  await expect(runs.list("nonsense", 5, soon())).rejects.toMatchObject({
    code: "validation_failed",
  });
});

test("of runs that have not ended there are so many and not one more, and a repeat is known", async () => {
  await using db = await openLedger();
  const runs = createCountRunsTable(db.sql, systemClock);
  const ask = (id: string, payload = "") => runs.ask(run(id, payload), soon());
  expect(await ask("run-1")).toBe("made");
  for (let number = 2; number <= 50; number += 1) await ask(`run-${number}`);
  expect(await ask("run-51")).toBe("full");
  expect(await db.count("SELECT count(*) FROM count_runs")).toBe(50);
  expect(await db.count("SELECT count(*) FROM count_run_chunks")).toBe(50);
  expect(await ask("run-50")).toBe("known");
  expect(await ask("run-50", "other")).toBe("key_reused");
  await runs.begin("run-1");
  expect(await ask("run-51")).toBe("full");
  await runs.end("run-1", "completed", null);
  expect(await ask("run-51")).toBe("made");
  expect(await ask("run-52")).toBe("full");
});

test("of copies of one wish that come at once, one is made", async () => {
  await using db = await openLedger();
  const runs = createCountRunsTable(db.sql, systemClock);
  const asked = await Promise.all(Array.from({ length: 8 }, () => runs.ask(run("same"), soon())));
  expect(asked.filter((kind) => kind === "made")).toHaveLength(1);
  expect(asked.filter((kind) => kind === "known")).toHaveLength(7);
});
