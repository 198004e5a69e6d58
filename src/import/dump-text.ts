/** The rows of a plain `pg_dump`: blocks of COPY, and INSERTs with or without names of columns. */
import { linesOf, ROW_CHARACTERS_MAX, type Line } from "#import/read-file";
import { refused, Stopped, type Place, type RefusedRow } from "#import/rows";

export interface DumpedTable {
  readonly kind: "table";
  /** Without its schema and quotes. */
  readonly table: string;
  readonly columns: readonly string[];
}

export interface DumpedRow {
  readonly kind: "row";
  readonly at: Place;
  readonly table: string;
  readonly columns: readonly string[];
  /** As text; null for NULL. */
  readonly values: readonly (string | null)[];
}

export type Dumped = DumpedTable | DumpedRow | RefusedRow;

const CREATE = /^CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?(\S+) \($/;
const COPY = /^COPY (\S+)(?: \((.*)\))? FROM stdin;$/i;
const INSERT = /^INSERT INTO (\S+)(?: \(([^)]*)\))?(?: OVERRIDING \w+ VALUE)? VALUES\s*(.*)$/s;
const COLUMN = /^\s+("(?:[^"]|"")+"|[a-z_]\w*) /;
/** Words that begin a line of CREATE TABLE without naming a column. */
const CONSTRAINT = /^\s+(?:CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN|EXCLUDE|LIKE)\b/;
const CUSTOM_FORMAT = "PGDMP";

/** Tables as they are made, and rows as they come. Rejects with Stopped for another format. */
export async function* dumped(
  file: string,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Dumped> {
  if ((await Bun.file(file).slice(0, CUSTOM_FORMAT.length).text()) === CUSTOM_FORMAT) {
    const advice = `pg_restore --file=dump.sql ${file}`;
    throw new Stopped(`${file} is a dump in PostgreSQL's own format; make it plain: ${advice}`);
  }
  const known = new Map<string, readonly string[]>();
  const lines = linesOf(file, onBytes);
  for await (const line of lines) {
    const { text } = line;
    const [, created] = CREATE.exec(text) ?? [];
    const [, copied, copyColumns] = COPY.exec(text) ?? [];
    const [, inserted, insertColumns, values = ""] = INSERT.exec(text) ?? [];
    const [, quote] = /\bAS (\$\w*\$)/.exec(text) ?? [];
    if (created !== undefined) {
      const columns = await columnsOf(lines);
      known.set(nameOf(created), columns);
      yield { kind: "table", table: nameOf(created), columns };
    } else if (copied !== undefined) {
      const table = nameOf(copied);
      const columns = copyColumns === undefined ? known.get(table) : listOf(copyColumns);
      yield { kind: "table", table, columns: columns ?? [] };
      yield* copiedRows(file, lines, table, columns ?? []);
    } else if (inserted !== undefined) {
      const table = nameOf(inserted);
      const columns = insertColumns === undefined ? known.get(table) : listOf(insertColumns);
      yield { kind: "table", table, columns: columns ?? [] };
      const first = { ...line, text: values };
      yield* insertedRows({ file, lines, first, table, columns: columns ?? [] });
    } else if (quote !== undefined && text.split(quote).length === 2) {
      // The body of a function: what stands in it is not of the dump.
      for await (const { text: body } of borrowed(lines)) if (body.includes(quote)) break;
    }
  }
}

/** The same lines, without ending them when the loop over them ends. */
function borrowed(lines: AsyncGenerator<Line>): AsyncIterable<Line> {
  return { [Symbol.asyncIterator]: () => ({ next: () => lines.next() }) };
}

async function columnsOf(lines: AsyncGenerator<Line>): Promise<string[]> {
  const columns: string[] = [];
  for await (const { text } of borrowed(lines)) {
    if (text.startsWith(")")) break;
    const [, name] = (CONSTRAINT.test(text) ? null : COLUMN.exec(text)) ?? [];
    if (name !== undefined) columns.push(unquoted(name));
  }
  return columns;
}

async function* copiedRows(
  file: string,
  lines: AsyncGenerator<Line>,
  table: string,
  columns: readonly string[],
): AsyncGenerator<Dumped> {
  let last = 0;
  for await (const { text, number, tooLong } of borrowed(lines)) {
    if (text === "\\.") return;
    last = number;
    const at = { file, line: number };
    if (tooLong) {
      yield refused(at, "", TOO_LONG);
      continue;
    }
    const values = text.split("\t").map((value) => (value === "\\N" ? null : unescaped(value)));
    yield rowOf(at, table, columns, values);
  }
  yield refused({ file, line: last }, "", "the file ends in the middle of this table");
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** COPY's text format: `\t` and its like; a backslash before anything else stands for that. */
const unescaped = (value: string): string =>
  value.replaceAll(/\\(.)/g, (_, character: string) => ESCAPES[character] ?? character);

interface Insert {
  readonly file: string;
  readonly lines: AsyncGenerator<Line>;
  /** What stands behind VALUES in the first line. */
  readonly first: Line;
  readonly table: string;
  readonly columns: readonly string[];
}

/** `(1, 'a'), (2, 'it''s');`, over as many lines as it takes. */
async function* insertedRows(insert: Insert): AsyncGenerator<Dumped> {
  const { file, lines, first, table, columns } = insert;
  let [values, value, inRow, start]: [string[], string, boolean, number] = [[], "", false, 0];
  let isQuoted = false;
  let line: Line | undefined = first;
  while (line !== undefined) {
    for (const character of `${line.text}\n`) {
      if (value.length > ROW_CHARACTERS_MAX || line.tooLong) {
        throw new Stopped(`${file}:${line.number}: a row ${TOO_LONG}`);
      }
      if (isQuoted) {
        value += character;
        isQuoted = character !== "'";
      } else if (!inRow) {
        if (character === ";") return;
        if (character === "(") [inRow, start, values, value] = [true, line.number, [], ""];
      } else if (character === "'") {
        value += character;
        isQuoted = true;
      } else if (character === ",") {
        values.push(value);
        value = "";
      } else if (character === ")") {
        yield rowOf({ file, line: start }, table, columns, [...values, value].map(literalOf));
        inRow = false;
      } else value += character;
    }
    const next: IteratorResult<Line, unknown> = await lines.next();
    line = next.done === true ? undefined : next.value;
  }
  yield refused({ file, line: start }, "", "the file ends in the middle of this INSERT");
}

/** The text of a literal; `''` in it is one quote. */
function literalOf(literal: string): string | null {
  const text = literal.trim();
  if (/^null$/i.test(text)) return null;
  const [, quoted] = /^'(.*)'$/s.exec(text) ?? [];
  return quoted === undefined ? text : quoted.replaceAll("''", "'");
}

function rowOf(
  at: Place,
  table: string,
  columns: readonly string[],
  values: readonly (string | null)[],
): Dumped {
  if (columns.length === values.length) return { kind: "row", at, table, columns, values };
  const reason = `of ${table} has ${values.length} values for ${columns.length} columns`;
  return refused(at, "", reason);
}

const TOO_LONG = `is longer than ${ROW_CHARACTERS_MAX} characters`;

const listOf = (text: string): string[] => text.split(",").map((name) => unquoted(name.trim()));

const unquoted = (name: string): string =>
  /^".*"$/.test(name) ? name.slice(1, -1).replaceAll('""', '"') : name;

/** `public."Stock"` → `Stock`. */
const nameOf = (name: string): string => unquoted(name.replace(/^("[^"]+"|\w+)\.(?=.)/, ""));
