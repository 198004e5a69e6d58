/** What became of operations that were acknowledged, told once and for good. */
import type { RecoveryReport } from "#inventory/rebuild-ports";
import { ask } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import reportRecoveryText from "./statements/report-recovery.sql" with { type: "text" };

const STATEMENT_MS_MAX = 5_000;

export async function reportRecovery(sql: Sql, report: RecoveryReport): Promise<void> {
  const { partition, kind, epoch, missing, operations, facts, reportedBy } = report;
  const range = [missing?.from ?? null, missing?.to ?? null];
  const texts = [JSON.stringify(operations), JSON.stringify(facts)];
  const parameters = [partition, kind, epoch, ...range, ...texts, reportedBy];
  await ask(() => sql.unsafe(reportRecoveryText, parameters), STATEMENT_MS_MAX);
}
