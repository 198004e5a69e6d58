import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { RecoveryReportQuery } from "#inventory/recovery-report-ports";
import type { LostOperation, RecoveryReport } from "#inventory/rebuild-ports";
import { systemClock } from "#lib/clock";
import { createEventLedger } from "#postgres/event-ledger";
import { createRecoveryReports, reportRecovery } from "#postgres/recovery-reports";
import { openLedger, soon, type TestLedger } from "#test/ledger";

let db: TestLedger;
let events: ReturnType<typeof createEventLedger>;
let reports: ReturnType<typeof createRecoveryReports>;

beforeAll(async () => {
  db = await openLedger({ partitions: 2 });
  events = createEventLedger({ sql: db.sql, clock: systemClock });
  reports = createRecoveryReports(db.sql, systemClock);
});
afterAll(() => db[Symbol.asyncDispose]());

describe("a recovery report", () => {
  const operation = (requestId: string): LostOperation => ({
    verb: "adjust",
    outcome: "adjusted",
    seq: 9,
    requestId,
    reservationId: null,
    productId: "product-1",
  });
  const lost = (reportedBy: string, operations: readonly LostOperation[]): RecoveryReport => ({
    partition: 1,
    kind: "lost",
    epoch: 2,
    missing: { from: 6, to: 9 },
    operations,
    facts: {},
    reportedBy,
  });

  test("of what is lost is an alert too, once for each process that tells of it", async () => {
    const many = Array.from({ length: 30 }, (_, i) => operation(`request-${i}`));
    await reportRecovery(db.sql, lost("api-1", many));
    await reportRecovery(db.sql, lost("api-1", many));
    await reportRecovery(db.sql, lost("api-2", []));
    await reportRecovery(db.sql, {
      ...lost("rebuild", []),
      kind: "rebuilt",
      facts: { products: 3 },
    });
    const query = { kind: null, productId: null, open: true, cursor: null, limit: 20 };
    const { items } = await events.alerts(query, soon());
    expect(items).toMatchObject([
      { partition: 1, seq: 0, kind: "lost", units: 0 },
      { partition: 1, seq: 0, kind: "lost", units: 30, productId: null, open: true },
    ]);
    expect(items.map(({ detail }) => detail)).toEqual([
      "movements 6 to 9: requests unknown (see recovery-reports)",
      expect.stringMatching(
        /^movements 6 to 9: requests request-0, .*request-19 and 10 more \(see/,
      ),
    ]);
    const feed = await events.events({ after: null, types: new Set(["lost"]), limit: 9 }, soon());
    const told = feed.kind === "events" ? feed.events : [];
    expect(told).toMatchObject([{ alert: { number: 2 } }, { alert: { number: 3 } }]);

    const list = (fields: Partial<RecoveryReportQuery> = {}) =>
      reports.list({ kind: null, partition: null, cursor: null, limit: 2, ...fields }, soon());
    const first = await list();
    const second = await list({ cursor: first.nextCursor });
    const shown = [...first.items, ...second.items].map((one) => [
      one.kind,
      one.reportedBy,
      one.operationCount,
      one.operations.length,
    ]);
    expect(shown).toEqual([
      ["rebuilt", "rebuild", 0, 0],
      ["lost", "api-2", 0, 0],
      ["lost", "api-1", 30, 30],
    ]);
    expect(second.nextCursor).toBeNull();
    expect(second.items).toMatchObject([
      { missing: { from: 6, to: 9 }, operations: many, epoch: 2, partition: 1, facts: {} },
    ]);
    expect((await list({ kind: "rebuilt" })).items).toMatchObject([{ facts: { products: 3 } }]);
    expect((await list({ partition: 0 })).items).toEqual([]);
  });

  test("is listed with the first 500 of its operations", async () => {
    await reportRecovery(
      db.sql,
      lost(
        "api-3",
        Array.from({ length: 501 }, (_, i) => operation(`${i}`)),
      ),
    );
    const query = { kind: null, partition: null, cursor: null, limit: 1 };
    const [only] = (await reports.list(query, soon())).items;
    expect([only?.operationCount, only?.operations.length]).toEqual([501, 500]);
    expect(only?.operations.at(-1)?.requestId).toBe("499");
  });
});
