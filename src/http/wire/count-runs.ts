/** What the routes of counts by the ten thousand take and answer. */
import { z } from "zod";
import { CountItem } from "#http/wire/bodies";
import { valueAt } from "#http/wire/field-errors";
import { Cursor, numberOr, pageLimit } from "#http/wire/fields";
import { timeOf } from "#http/wire/objects";
import { refusalOf } from "#http/validate";
import {
  COUNT_PASSES,
  COUNT_RUN_STATUSES,
  ERROR_POLICIES,
  type CountRow,
  type CountRowError,
  type CountRun as Run,
} from "#inventory/count-run-ports";
import { Fault } from "#inventory/faults";
import { Reference } from "#inventory/model";
import { createCsvReader, type CsvRecord } from "#lib/csv";
import { printable } from "#lib/printable";

/** Rows of one run. */
export const COUNT_ROWS_MAX = 100_000;
/** A row has four short fields. */
const COUNT_LINE_LENGTH_MAX = 1_000;
/** Rows, and characters, that are read before others have their turn. */
const ROWS_AT_ONCE = 1_000;
const CHARACTERS_AT_ONCE = 65_536;
const WORDS_LENGTH_MAX = 300;
/** Of a name that is none: as long as one may be. */
const NAME_LENGTH_MAX = 64;
const COUNT_ERRORS = 100;
const COUNT_ERRORS_MAX = 500;
const RUNS = 50;
const RUNS_MAX = 200;

const Row = z.unknown().meta({
  description:
    "productId, quantity, countedAt and perhaps location; a wrong one is told by its row",
});
export const CountRunBody = z.strictObject({ counts: z.array(Row).min(1).max(COUNT_ROWS_MAX) });
export const CountRunTable = z.string().meta({
  contentMediaType: "text/csv",
  description: "A header with productId, quantity, countedAt and perhaps location, then the rows.",
});
/** Without `commit` nothing changes: the run tells which rows would be refused. */
export const CountRunQuery = z.strictObject({
  commit: z.enum(["true", "false"]).default("false").describe("Whether what differs is put right."),
  errorPolicy: z
    .enum(ERROR_POLICIES)
    .default("reject_all")
    .describe("Whether a row that is refused refuses all, or itself alone."),
  reference: Reference.optional().describe("Noted with each movement."),
});

/** What belongs in the query is told so where it stands in the body. */
export function refusalOfRun(issues: readonly z.core.$ZodIssue[], input: unknown): Error {
  const told = issues.flatMap((issue): z.core.$ZodIssue[] => {
    if (issue.code !== "unrecognized_keys" || issue.path.length > 0) return [issue];
    return issue.keys.map((key) => {
      if (!(key in CountRunQuery.shape)) return { ...issue, keys: [key] };
      const message = `is no field of the body: send it in the query (?${key}=…)`;
      return { code: "custom", path: [key], message };
    });
  });
  return refusalOf(told, input);
}

export const CountRunErrorsQuery = z.strictObject({
  cursor: numberOr(0, 0, COUNT_ROWS_MAX, "What the page before answered as `nextCursor`."),
  limit: pageLimit(COUNT_ERRORS, COUNT_ERRORS_MAX),
});

export const CountRunsQuery = z.strictObject({
  cursor: Cursor.optional(),
  limit: pageLimit(RUNS, RUNS_MAX),
});

export const CountRunAsked = z.strictObject({ id: z.string() });
const Count = z.int().min(0);
const Time = z.iso.datetime();
const RUN = {
  id: z.string(),
  status: z.enum(COUNT_RUN_STATUSES),
  commit: z.boolean(),
  errorPolicy: z.enum(ERROR_POLICIES),
  reference: z.string().nullable(),
  askedBy: z.string(),
  askedAt: Time,
  startedAt: Time.nullable(),
  finishedAt: Time.nullable(),
  pass: z.enum(COUNT_PASSES),
  progress: z.int().min(0).max(100),
  rows: Count,
  /** Of the present pass, as are the next three. */
  done: Count,
  succeeded: Count,
  differing: Count,
  failed: Count,
  /** Why it failed, or what it waits for. */
  error: z.string().nullable(),
};

export const CountRun = z.strictObject({
  ...RUN,
  errors: z
    .array(
      z.strictObject({
        row: z.int().min(1),
        /** Of the CSV, where its first character stood; null of JSON. */
        line: z.int().min(1).nullable(),
        productId: z.string().nullable(),
        location: z.string().nullable(),
        code: z.string(),
        message: z.string(),
      }),
    )
    .readonly(),
  nextCursor: z.string().nullable(),
});
const ListedCountRun = z.strictObject(RUN);
export const CountRuns = z.strictObject({
  runs: z.array(ListedCountRun).readonly(),
  nextCursor: z.string().nullable(),
});

/** A run as it is answered, with a page of its errors. */
export function countRunOf(
  run: Run,
  errors: readonly CountRowError[],
  limit: number,
): z.input<typeof CountRun> {
  const last = errors.at(-1);
  const nextCursor = last === undefined || errors.length < limit ? null : String(last.row);
  return { ...listedCountRunOf(run), errors, nextCursor };
}

/** A run as a list has it. */
export function listedCountRunOf(run: Run): z.input<typeof ListedCountRun> {
  const { pass, rows, done, succeeded, commit, errorPolicy } = run;
  const passes = commit && errorPolicy === "reject_all" ? 2 : 1;
  const before = passes === 2 && pass === "apply" ? rows : 0;
  const isOver = run.finishedAt !== null;
  return {
    id: run.id,
    status: run.status,
    commit,
    errorPolicy,
    reference: run.reference,
    askedBy: run.askedBy,
    askedAt: timeOf(run.askedAt),
    startedAt: run.startedAt === null ? null : timeOf(run.startedAt),
    finishedAt: run.finishedAt === null ? null : timeOf(run.finishedAt),
    pass,
    progress: isOver ? 100 : Math.floor(((before + done) / (passes * rows)) * 100),
    rows,
    done,
    succeeded,
    differing: run.differing,
    failed: done - succeeded,
    error: run.error,
  };
}

/** A row of a CSV, and where it began: as JSON would have it, or why it is none. */
class CsvRow {
  readonly line: number;
  readonly item: unknown;
  readonly why: string | null;
  constructor(line: number, item: unknown, why: string | null = null) {
    this.line = line;
    this.item = item;
    this.why = why;
  }
}

/** The rows of a CSV. Throws `validation_failed` without a usable header. */
export async function countsOfCsv(csv: string): Promise<z.output<typeof CountRunBody>> {
  const reader = createCsvReader(COUNT_LINE_LENGTH_MAX);
  const counts: unknown[] = [];
  let header: readonly string[] | null = null;
  const take = (record: CsvRecord): void => {
    if (header === null) header = headerOf(record);
    else counts.push(rowOf(header, record));
    if (counts.length > COUNT_ROWS_MAX) mustBeCounts(counts);
  };
  for (let from = 0; from < csv.length; from += CHARACTERS_AT_ONCE) {
    for (let at = from; at < Math.min(from + CHARACTERS_AT_ONCE, csv.length); at += 1) {
      const record = reader.take(csv.charAt(at));
      if (record !== null) take(record);
    }
    await Bun.sleep(0);
  }
  const last = reader.end();
  if (last !== null) take(last);
  return mustBeCounts(counts);
}

function mustBeCounts(counts: readonly unknown[]): z.output<typeof CountRunBody> {
  const checked = CountRunBody.safeParse({ counts });
  if (!checked.success) throw refusalOf(checked.error.issues, { counts });
  return checked.data;
}

const COLUMNS = ["productId", "quantity", "countedAt", "location"];

function headerOf(record: CsvRecord): readonly string[] {
  if (record.kind === "broken") throw wrongHeader(record.reason);
  const names = record.cells.map((name) => name.trim());
  const strange = names.find((name) => !COLUMNS.includes(name));
  if (strange !== undefined) throw wrongHeader(`has ${JSON.stringify(strange)}, which is no field`);
  if (new Set(names).size < names.length) throw wrongHeader("has a field twice");
  const missing = COLUMNS.slice(0, -1).find((name) => !names.includes(name));
  if (missing !== undefined) throw wrongHeader(`has no ${missing}`);
  return names;
}

function wrongHeader(why: string): Fault {
  const message = readable(why);
  const errors = [{ path: "header", message }];
  return new Fault("validation_failed", `header ${message}`, { errors });
}

/** A number as JSON has one, so that the rules of counts say what is wrong with it. */
const NUMBER = /^-?\d{1,15}(?:\.\d{1,15})?$/;

function rowOf(header: readonly string[], record: CsvRecord): CsvRow {
  const { line } = record;
  if (record.kind === "broken") return new CsvRow(line, null, record.reason);
  const { cells } = record;
  if (cells.length !== header.length) {
    const why = `has ${cells.length} fields, and the header ${header.length}`;
    return new CsvRow(line, null, why);
  }
  const named = header.map((name, index): [string, unknown] => {
    const text = cells[index] ?? "";
    const isNumber = name === "quantity" && NUMBER.test(text);
    return [name, isNumber ? Number(text) : text];
  });
  const item = Object.fromEntries(named.filter(([, value]) => value !== ""));
  return new CsvRow(line, item);
}

/** Each as a count, or why it is none. */
export async function countRowsOf(items: readonly unknown[]): Promise<CountRow[]> {
  const rows: CountRow[] = [];
  for (const item of items) {
    rows.push(countRowOf(rows.length + 1, item));
    if (rows.length % ROWS_AT_ONCE === 0) await Bun.sleep(0);
  }
  return rows;
}

function countRowOf(row: number, given: unknown): CountRow {
  const { line, item, why } = given instanceof CsvRow ? given : new CsvRow(0, given);
  const place = { row, line: line === 0 ? null : line };
  const { success, data, error } = CountItem.safeParse(item);
  if (success) {
    const { location = null, ...count } = data;
    return { ...place, location, ...count };
  }
  const told = { productId: nameIn(item, "productId"), location: nameIn(item, "location") };
  return { ...place, ...told, wrong: readable(why ?? refusalOf(error.issues, item).message) };
}

/** What a row that is no count says that it is about; null where it says nothing of the kind. */
function nameIn(item: unknown, name: "productId" | "location"): string | null {
  const value = valueAt(item, [name]);
  return typeof value === "string" ? readable(value.slice(0, NAME_LENGTH_MAX)) : null;
}

/** Of what somebody sent, so much as PostgreSQL can keep and a person would read. */
const readable = (words: string): string =>
  printable(words.slice(0, WORDS_LENGTH_MAX).toWellFormed());
