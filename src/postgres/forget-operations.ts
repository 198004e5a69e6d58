/** Operations are known for a day, in Redis and in the ledger. */
import { z } from "zod";
import { askRow } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import forgetOperationsText from "./statements/forget-operations.sql" with { type: "text" };

/** How long operations are known. Twin: OPERATION_KEEP_SECONDS in lua/lib/operations.lua. */
export const OPERATION_KEEP_MS = 86_400_000;

const STATEMENT_MS_MAX = 5_000;
const ROWS_MAX = 5_000;

const ForgottenRow = z.object({ forgotten: z.int() });

/** Removes some that no repeat may ask for; answers whether there may be more. */
export async function forgetOperations(sql: Sql): Promise<boolean> {
  const statement = () => sql.unsafe(forgetOperationsText, [OPERATION_KEEP_MS, ROWS_MAX]);
  const { forgotten } = await askRow(ForgottenRow, statement, STATEMENT_MS_MAX);
  return forgotten === ROWS_MAX;
}
