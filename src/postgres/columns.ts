/**
 * Columns of a batch as array literals. The driver would quote, escape and look up each element
 * by its type; here a column is one string built in one pass.
 */

/** `{1,2,NULL}`. The caller's numbers are whole; PostgreSQL refuses what is not one. */
export function numberColumn<Row>(rows: readonly Row[], pick: (row: Row) => number | null): string {
  let text = "{";
  let separator = "";
  for (const row of rows) {
    text += separator + (pick(row) ?? "NULL");
    separator = ",";
  }
  return `${text}}`;
}

/** `{"a","b\"c",NULL}`: every element quoted, so that none is taken for a keyword. */
export function textColumn<Row>(rows: readonly Row[], pick: (row: Row) => string | null): string {
  let text = "{";
  let separator = "";
  for (const row of rows) {
    const value = pick(row);
    text += value === null ? `${separator}NULL` : `${separator}"${escaped(value)}"`;
    separator = ",";
  }
  return `${text}}`;
}

const SPECIAL = /["\\]/;
const SPECIALS = /["\\]/g;

function escaped(value: string): string {
  return SPECIAL.test(value) ? value.replaceAll(SPECIALS, "\\$&") : value;
}
