/** Where a page of a list ends, as an opaque text: the key of its last row. */
import type { z } from "zod";
import { Fault } from "#inventory/faults";

/** Most rows of one answer, whatever the caller asks for. */
export const LEDGER_ROWS_MAX = 1_000;

/** The text that leads on behind the row with that key. */
export function cursorOf(key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

/** A cursor comes back from outside: whatever is not one of ours is the caller's mistake. */
export function readCursor<Schema extends z.ZodType>(
  schema: Schema,
  cursor: string,
): z.output<Schema> {
  const read = schema.safeParse(jsonOf(Buffer.from(cursor, "base64url").toString()));
  if (read.success) return read.data;
  throw new Fault("validation_failed", "the cursor is not one that a list answered", {
    errors: [{ path: "cursor", message: "must be a cursor that a list answered" }],
  });
}

/** How many rows are asked for, within bounds. */
export function rowsOf(limit: number): number {
  return Math.max(1, Math.min(Math.trunc(limit), LEDGER_ROWS_MAX));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
