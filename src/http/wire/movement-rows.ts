/** Exported movements as text: a line of JSON or of CSV each, and a last line that says it is all. */
import type { LedgerMovement } from "#http/wire/answers";
import { ledgerMovementOf } from "#http/wire/objects";
import type { Movement } from "#inventory/model";

/** What spreadsheets read as a formula, also behind blanks and in the wide letters of the East. */
const FORMULA = /^\s*[=+\-@＝＋－＠]/u;
const QUOTED = /[",\r\n]|^\s|\s$/;

/** How an export is written down. */
export interface ExportFormat {
  readonly contentType: string;
  /** What comes before the first movement. */
  readonly head: string;
  readonly row: (movement: Movement) => string;
  /** The last line. A stream without it was cut. */
  readonly tail: (movements: number, lag: number) => string;
}

const ndjson: ExportFormat = {
  contentType: "application/x-ndjson",
  head: "",
  row: (movement) => `${JSON.stringify(ledgerMovementOf(movement))}\n`,
  tail: (movements, lag) => `${JSON.stringify({ complete: true, movements, lag })}\n`,
};

type Cell = string | number | null;

/** The columns, in their order, and what stands in them. */
const COLUMNS: readonly (readonly [name: string, cell: (row: LedgerMovement) => Cell])[] = [
  ["movementId", (row) => row.movementId],
  ["partition", (row) => row.partition],
  ["seq", (row) => row.seq],
  ["epoch", (row) => row.epoch],
  ["timestamp", (row) => row.timestamp],
  ["type", (row) => row.type],
  ["productId", (row) => row.productId],
  ["location", (row) => row.location],
  ["quantity", (row) => row.quantity],
  ["totalStockBefore", (row) => row.before.totalStock],
  ["totalStockAfter", (row) => row.after.totalStock],
  ["totalStockDelta", (row) => row.delta.totalStock],
  ["reservedStockBefore", (row) => row.before.reservedStock],
  ["reservedStockAfter", (row) => row.after.reservedStock],
  ["reservedStockDelta", (row) => row.delta.reservedStock],
  ["reservationId", (row) => row.reservationId],
  ["orderId", (row) => row.orderId],
  ["customerId", (row) => row.customerId],
  ["actor", (row) => row.actor],
  ["reason", (row) => row.reason],
  ["reference", (row) => row.reference],
  ["requestId", (row) => row.requestId],
];

/** RFC 4180; the last line has as many cells as the others, and a word where a movement's id is. */
const csv: ExportFormat = {
  contentType: "text/csv",
  head: lineOf(COLUMNS.map(([name]) => name)),
  row: (movement) => {
    const row = ledgerMovementOf(movement);
    return lineOf(COLUMNS.map(([, cell]) => cell(row)));
  },
  tail: (movements, lag) =>
    lineOf(COLUMNS.map((_, index) => ["complete", movements, lag][index] ?? null)),
};

export const EXPORT_FORMATS = { ndjson, csv } as const;

function lineOf(cells: readonly Cell[]): string {
  return `${cells.map(cellOf).join(",")}\r\n`;
}

/** A text that begins like a formula gets an apostrophe before it; numbers of ours stay numbers. */
function cellOf(value: Cell): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
