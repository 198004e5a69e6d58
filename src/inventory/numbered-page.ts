/** Pages by number, for the contracts that count them. A list with a cursor costs less. */
import { Fault } from "#inventory/faults";

/** PostgreSQL sorts and passes over all rows before a page: no page ends behind this row. */
export const NUMBERED_ROWS_MAX = 100_000;

export interface NumberedPage {
  /** From 1 on. */
  readonly page: number;
  readonly limit: number;
}

/** Rows before that page; a page that no list has is the caller's mistake. */
export function rowsBefore({ page, limit }: NumberedPage): number {
  if (page >= 1 && page * limit <= NUMBERED_ROWS_MAX) return (page - 1) * limit;
  throw new Fault("validation_failed", "there is no such page", {
    errors: [
      { path: "page", message: `must be 1 or more, and end within ${NUMBERED_ROWS_MAX} rows` },
    ],
  });
}
