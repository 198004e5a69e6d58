/** Products as CSV (RFC 4180) with a header: quoted fields, CRLF, `,` or `;` or tab between them. */
import { means, type FieldName } from "#import/fields";
import { plainRow } from "#import/plain";
import { ROW_CHARACTERS_MAX, textOf } from "#import/read-file";
import { createCsvReader, type CsvRecord } from "#lib/csv";
import { ofProduct, refused, type Place, type Row, type Source } from "#import/rows";

/** Rows of all files, in their order. Each file has its own header. */
export const csv: Source = async function* (reading) {
  for (const file of reading.files) {
    let header: readonly string[] | null = null;
    for await (const record of records(file, reading.onBytes)) {
      if (record.kind === "refused") {
        yield record;
        if (header !== null) continue;
        header = [];
        break;
      }
      const { cells, at } = record;
      if (header !== null) {
        yield* rowsOf(at, header, cells, reading.onIgnored);
        continue;
      }
      header = cells.map((name) => name.trim());
      const problem = problemOf(header);
      if (problem === null) continue;
      yield refused(at, "", problem);
      break;
    }
    if (header === null) yield refused({ file, line: 1 }, "", "has no header");
  }
};

/** A header that cannot name the rows below it. */
function problemOf(header: readonly string[]): string | null {
  const has = (field: FieldName) => header.some((name) => means(name, field));
  if (!has("productId")) return `the header has no productId: ${header.join(", ")}`;
  if (!has("onHand") && !has("available")) {
    return `the header has no quantity: ${header.join(", ")}`;
  }
  const repeated = header.find((name, index) => header.indexOf(name) !== index);
  return repeated === undefined ? null : `the header has ${repeated} twice`;
}

const WHOLE: readonly FieldName[] = [
  "onHand",
  "reserved",
  "available",
  "lowStockThreshold",
  "reorderPoint",
  "reorderQuantity",
  "safetyStock",
  "maxPerCustomer",
];
const PRICE = /^-?\d{1,15}(\.\d{1,9})?$/;
/** No point: 1.000 is a thousand to some programs, and one to others. */
const WHOLE_NUMBER = /^-?\d{1,15}$/;

/** What the field's text is, or why it is not that. */
function valueOf(name: string, text: string): { readonly value: unknown } | string {
  const isPrice = means(name, "price");
  const isWhole = WHOLE.some((field) => means(name, field));
  if (text === "" || !(isPrice || isWhole)) return { value: text };
  if ((isPrice ? PRICE : WHOLE_NUMBER).test(text)) return { value: Number(text) };
  const must = isPrice
    ? "must be a number such as 5 or 9.99"
    : "must be a whole number such as 1000, without a point or comma";
  return `${must}, not ${JSON.stringify(text)}`;
}

function rowsOf(
  at: Place,
  header: readonly string[],
  cells: readonly string[],
  onIgnored: (field: string) => void,
): readonly Row[] {
  if (cells.length !== header.length) {
    return [refused(at, "", `has ${cells.length} fields, and the header ${header.length}`)];
  }
  if (cells.every((cell) => cell === "")) return [];
  const record: [string, unknown][] = [];
  for (const [index, name] of header.entries()) {
    const read = valueOf(name, cells[index] ?? "");
    if (typeof read === "string") {
      const productId = cells[header.findIndex((other) => means(other, "productId"))];
      return [ofProduct(refused(at, name, read), productId)];
    }
    record.push([name, read.value]);
  }
  return [plainRow(at, record, onIgnored)];
}

/** The records of a file. One that is malformed is refused, and the next line is read as another. */
async function* records(file: string, onBytes: (bytes: number) => void) {
  const reader = createCsvReader(ROW_CHARACTERS_MAX);
  for await (const piece of textOf(file, onBytes)) {
    for (const character of piece) {
      const record = reader.take(character);
      if (record !== null) yield recordOf(file, record);
    }
  }
  const last = reader.end();
  if (last !== null) yield recordOf(file, last);
}

function recordOf(file: string, record: CsvRecord) {
  const at = { file, line: record.line };
  if (record.kind === "broken") return refused(at, "", record.reason);
  return { kind: "record" as const, at, cells: record.cells };
}
