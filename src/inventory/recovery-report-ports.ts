/** What became of partitions that were rebuilt, for whoever asks afterwards. */
import type { Page } from "#inventory/ledger-ports";
import type { LostOperation, RecoveryReport } from "#inventory/rebuild-ports";

export const RECOVERY_KINDS = [
  "rebuilt",
  "lost",
] as const satisfies readonly RecoveryReport["kind"][];

/** A report as it was written. */
export interface NotedReport extends Omit<RecoveryReport, "operations"> {
  readonly id: number;
  /** All there are; the first of them are shown. */
  readonly operationCount: number;
  readonly operations: readonly LostOperation[];
  /** Epoch milliseconds by PostgreSQL's clock. */
  readonly at: number;
}

export interface RecoveryReportQuery {
  /** null: both. */
  readonly kind: RecoveryReport["kind"] | null;
  /** null: all. */
  readonly partition: number | null;
  readonly cursor: string | null;
  readonly limit: number;
}

/** The reports as the core sees them. Rejects with Fault `ledger_unavailable` while PostgreSQL is away. */
export interface RecoveryReports {
  /** Newest first. */
  list(query: RecoveryReportQuery, deadline: number): Promise<Page<NotedReport>>;
}
