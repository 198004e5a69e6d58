/** What the list of recovery reports takes and answers. */
import { z } from "zod";
import { Cursor, pageLimit, PartitionNumber } from "#http/wire/fields";
import { timeOf } from "#http/wire/objects";
import { RECOVERY_KINDS, type NotedReport } from "#inventory/recovery-report-ports";

const REPORTS = 20;
/** Each has up to 500 operations. */
const REPORTS_MAX = 50;

export const RecoveryReportsQuery = z.strictObject({
  kind: z.enum(RECOVERY_KINDS).optional().describe("Of that kind."),
  partition: PartitionNumber,
  cursor: Cursor.optional(),
  limit: pageLimit(REPORTS, REPORTS_MAX),
});

const Count = z.int().min(0);

const RecoveryReport = z
  .strictObject({
    reportId: z.int().min(1),
    kind: z.enum(RECOVERY_KINDS),
    partition: Count,
    epoch: Count,
    /** Movements that were acknowledged and that the ledger does not have. */
    missing: z.strictObject({ from: Count, to: Count }).nullable(),
    operationCount: Count,
    /** The first 500 of them. */
    operations: z
      .array(
        z.strictObject({
          verb: z.string(),
          outcome: z.string(),
          seq: Count,
          requestId: z.string().nullable(),
          reservationId: z.string().nullable(),
          productId: z.string().nullable(),
        }),
      )
      .readonly(),
    facts: z.record(z.string(), z.union([z.number(), z.string()])).readonly(),
    reportedBy: z.string(),
    timestamp: z.iso.datetime(),
  })
  .meta({ id: "RecoveryReport" });
export const RecoveryReports = z.strictObject({
  items: z.array(RecoveryReport),
  nextCursor: z.string().nullable(),
});

/** A report as it is answered. */
export function recoveryReportOf(report: NotedReport): z.input<typeof RecoveryReport> {
  const { id, at, ...rest } = report;
  return { reportId: id, ...rest, timestamp: timeOf(at) };
}
