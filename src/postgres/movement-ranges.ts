import type { Sql } from "#postgres/client";
import text from "./statements/ensure-movement-ranges.sql" with { type: "text" };

/** Movements of one table of the ledger (about 4 GB); the same number stands in the migration. */
export const MOVEMENT_RANGE_SEQS = 10_000_000;

/**
 * Makes the tables that movements from `first` to `last` go to, where they are missing. Ranges
 * below `first` are left alone: an operator may have put them away.
 */
export async function ensureMovementRanges(sql: Sql, first: number, last: number): Promise<void> {
  await sql.unsafe(text, [first, last]);
}
