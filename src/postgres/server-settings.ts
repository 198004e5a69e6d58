/** What a PostgreSQL server must be set to for the ledger to survive its crash: asked at start. */
import { z } from "zod";
import { askRows } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import serverSettingsText from "./statements/server-settings.sql" with { type: "text" };

const ANSWER_MS_MAX = 5_000;

const SettingRow = z.object({ name: z.string(), setting: z.string() });

/**
 * Settings under which what was committed may be gone after a crash; each says what to do. That a
 * commit waits for the disk (`synchronous_commit`) is set by each connection of ours.
 */
export async function readLedgerGaps(sql: Sql): Promise<readonly string[]> {
  const rows = await askRows(SettingRow, () => sql.unsafe(serverSettingsText), ANSWER_MS_MAX);
  return rows.map(({ name, setting }) => `${name} is ${setting}: set it to on`);
}
