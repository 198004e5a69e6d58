/** What became of operations that were acknowledged: told once and for good, and listed. */
import { z } from "zod";
import { RECOVERY_KINDS, type RecoveryReports } from "#inventory/recovery-report-ports";
import type { RecoveryReport } from "#inventory/rebuild-ports";
import type { Clock } from "#lib/clock";
import { ask, askRows } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import { cursorOf, readCursor, rowsOf } from "#postgres/page-cursor";
import listText from "./statements/recovery-reports.sql" with { type: "text" };
import reportRecoveryText from "./statements/report-recovery.sql" with { type: "text" };

const STATEMENT_MS_MAX = 5_000;
/** Request ids that an alert names; the report has them all. */
const NAMED_MAX = 20;
/** Operations of each report that are listed; the table has them all. */
const OPERATIONS_MAX = 500;

/** Writes it down, and raises the alert of what is lost, both or neither. */
export async function reportRecovery(sql: Sql, report: RecoveryReport): Promise<void> {
  const { partition, kind, epoch, missing, operations, facts, reportedBy } = report;
  const range = [missing?.from ?? null, missing?.to ?? null];
  const texts = [JSON.stringify(operations), JSON.stringify(facts)];
  const what = [partition, kind, epoch, ...range, ...texts, reportedBy];
  const parameters = [...what, lossOf(report)];
  await ask(() => sql.unsafe(reportRecoveryText, parameters), STATEMENT_MS_MAX);
}

/** For an operator: which movements, and whose requests. */
function lossOf({ missing, operations }: RecoveryReport): string {
  const ids = [...new Set(operations.flatMap(({ requestId }) => requestId ?? []))];
  const named = ids.slice(0, NAMED_MAX);
  const more = ids.length > named.length ? ` and ${ids.length - named.length} more` : "";
  const range = missing === null ? "" : `movements ${missing.from} to ${missing.to}: `;
  const requests = ids.length === 0 ? "requests unknown" : `requests ${named.join(", ")}${more}`;
  return `${range}${requests} (see recovery-reports)`;
}

const ReportRow = z.object({
  id: z.int(),
  partition: z.int(),
  kind: z.enum(RECOVERY_KINDS),
  epoch: z.int(),
  from: z.int().nullable(),
  to: z.int().nullable(),
  operationCount: z.int(),
  operations: z.array(
    z.object({
      verb: z.string(),
      outcome: z.string(),
      seq: z.int(),
      requestId: z.string().nullable(),
      reservationId: z.string().nullable(),
      productId: z.string().nullable(),
    }),
  ),
  facts: z.record(z.string(), z.union([z.number(), z.string()])),
  reportedBy: z.string(),
  at: z.int(),
});
const ReportCursor = z.tuple([z.int().min(1)]);

/** `clock` is the one that callers' deadlines are on. */
export function createRecoveryReports(sql: Sql, clock: Clock): RecoveryReports {
  return {
    async list({ kind, partition, cursor, limit: asked }, deadline) {
      const limit = rowsOf(asked);
      const [after] = cursor === null ? [null] : readCursor(ReportCursor, cursor);
      const parameters = [kind, partition, after, limit + 1, OPERATIONS_MAX];
      const statement = () => sql.unsafe(listText, parameters, { prepare: false });
      const rows = await askRows(ReportRow, statement, deadline - clock.now());
      const items = rows.slice(0, limit).map(({ from, to, ...report }) => {
        const missing = from === null || to === null ? null : { from, to };
        return { ...report, missing };
      });
      const last = rows.length > limit ? items.at(-1) : undefined;
      return { items, nextCursor: last === undefined ? null : cursorOf([last.id]) };
    },
  };
}
