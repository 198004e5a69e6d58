/** Products as CSV (RFC 4180) with a header: quoted fields, CRLF, `,` or `;` or tab between them. */
import { means, type FieldName } from "#import/fields";
import { plainRow } from "#import/plain";
import { ROW_CHARACTERS_MAX, textOf } from "#import/read-file";
import {
  ofProduct,
  refused,
  type Place,
  type RefusedRow,
  type Row,
  type Source,
} from "#import/rows";

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

interface CsvRecord {
  readonly kind: "record";
  readonly at: Place;
  readonly cells: readonly string[];
}

/** The records of a file. One that is malformed is refused, and the next line is read as another. */
async function* records(
  file: string,
  onBytes: (bytes: number) => void,
): AsyncGenerator<CsvRecord | RefusedRow> {
  const reader = createReader(file);
  for await (const piece of textOf(file, onBytes)) {
    for (const character of piece) {
      const record = reader.take(character);
      if (record !== null) yield record;
    }
  }
  const last = reader.end();
  if (last !== null) yield last;
}

/** Inside a field: bare, quoted, behind a quote that ends it or is the first of two, or broken. */
type State = "start" | "bare" | "quoted" | "quote" | "broken";
type Read = CsvRecord | RefusedRow;

function createReader(file: string) {
  let cells: string[] = [];
  let [cell, state, problem, delimiter]: [string, State, string, string] = ["", "start", "", ""];
  let [line, start, size] = [1, 1, 0];
  const nextCell = (): void => {
    cells.push(cell);
    [cell, state] = ["", "start"];
  };
  const breakUp = (reason: string): void => {
    [state, problem, cells, cell] = ["broken", reason, [], ""];
  };
  const isDelimiter = (character: string): boolean => {
    // The first one that stands outside quotes is the file's.
    if (delimiter === "" && /[,;\t]/.test(character)) delimiter = character;
    return character === delimiter;
  };
  /** What was read so far, as a record; null of a blank line. */
  const finish = (): Read | null => {
    if (state === "quoted") breakUp("the file ends inside a quoted field");
    const at = { file, line: start };
    // The end of a line may be CRLF; behind a closing quote it was left out already.
    if (state !== "quote" && cell.endsWith("\r")) cell = cell.slice(0, -1);
    const isBlank = cells.length === 0 && cell === "" && state !== "broken" && state !== "quote";
    const found: Read =
      state === "broken"
        ? { kind: "refused", at, errors: [{ field: "", reason: problem }] }
        : { kind: "record", at, cells: [...cells, cell] };
    [cells, cell, start, size, state] = [[], "", line, 0, "start"];
    return isBlank ? null : found;
  };
  return {
    take(character: string): Read | null {
      if (character === "\n") line += 1;
      size += 1;
      if (size > ROW_CHARACTERS_MAX && state !== "broken") breakUp(TOO_LONG);
      if (character === "\n" && state !== "quoted") return finish();
      switch (state) {
        case "broken":
          break;
        case "quoted":
          if (character === '"') state = "quote";
          else cell += character;
          break;
        case "quote":
          if (character === '"') [cell, state] = [`${cell}"`, "quoted"];
          else if (isDelimiter(character)) nextCell();
          else if (character !== "\r") breakUp(`has ${character} behind a closing quote`);
          break;
        case "start":
        case "bare":
          if (isDelimiter(character)) nextCell();
          else if (character !== '"') [cell, state] = [cell + character, "bare"];
          else if (state === "start") state = "quoted";
          else breakUp("has a quote inside a field that is not quoted");
          break;
      }
      return null;
    },
    end: finish,
  };
}

const TOO_LONG = `is longer than ${ROW_CHARACTERS_MAX} characters`;
