/** What became of the rows: counts, lines for people, and a file with a line for each. */
import type { FileSink } from "bun";
import { placeOf, type Place, type RowError } from "#import/rows";
import { printable } from "#lib/printable";

/** Lines on the terminal where a report file has them all. */
const SHOWN_MAX = 20;
/** Names of fields that mean nothing here, told at the end. */
const IGNORED_SHOWN_MAX = 50;
const PROGRESS_MS = 2_000;

export type Subject = "product" | "hold";
export const OUTCOMES = [
  "valid",
  "imported",
  "amended",
  "unchanged",
  "ended",
  "differing",
  "conflict",
  "refused",
] as const;
export type OutcomeWord = (typeof OUTCOMES)[number];

/** At the end, the outcomes sum up to what was read. */
export interface Counts extends Record<OutcomeWord, number> {
  /** Rows, good or bad; those of one product at several locations are one. */
  read: number;
}

export interface Report {
  readonly products: Counts;
  readonly holds: Counts;
  history: number;
  onBytes(bytes: number): void;
  onIgnored(field: string): void;
  /** A row that nothing was done for, and why. */
  fail(
    subject: Subject,
    word: "conflict" | "refused",
    at: Place,
    errors: readonly RowError[],
  ): void;
  /** A row that Holdfast has otherwise, field by field. */
  differ(subject: Subject, at: Place, errors: readonly RowError[]): void;
  /** A line in the file alone. */
  note(line: Readonly<Record<string, unknown>>): void;
  /** Whether every row is where it should be. */
  isComplete(): boolean;
  summary(): string;
  close(): Promise<void>;
}

export interface ReportOptions {
  readonly file: string | null;
  /** Of all files together, as often as they are read. */
  readonly bytesTotal: () => number;
  readonly clock: { now(): number };
  /** Takes one line. */
  readonly say: (line: string) => void;
}

export function createReport({ file, bytesTotal, clock, say }: ReportOptions): Report {
  const sink: FileSink | null = file === null ? null : Bun.file(file).writer();
  const ignored = new Set<string>();
  let [bytes, shown, told] = [0, 0, clock.now()];
  const write = (line: object): void => {
    if (sink !== null) void sink.write(`${printable(JSON.stringify(line))}\n`);
  };
  const show = (line: string): void => {
    shown += 1;
    if (file === null || shown <= SHOWN_MAX) say(line);
    else if (shown === SHOWN_MAX + 1) say(`further ones stand in ${file} only`);
  };
  const tell = (outcome: string, subject: Subject, at: Place, errors: readonly RowError[]) => {
    for (const { field, reason } of errors) {
      const where = field === "" ? "" : ` ${field}`;
      show(`${placeOf(at)}: ${subject} ${outcome}:${where} ${reason}`);
      write({ outcome, subject, ...at, field, reason });
    }
  };
  const report: Report = {
    products: counts(),
    holds: counts(),
    history: 0,
    onBytes(more) {
      bytes += more;
      if (clock.now() - told < PROGRESS_MS) return;
      told = clock.now();
      const total = Math.max(1, bytesTotal());
      const percent = Math.min(100, Math.floor((bytes / total) * 100));
      say(`… ${percent} % of ${megabytes(total)} MB; ${numbersOf(report)}`);
    },
    onIgnored(field) {
      if (ignored.size < IGNORED_SHOWN_MAX) ignored.add(field);
    },
    fail(subject, word, at, errors) {
      countsOf(report, subject)[word] += 1;
      tell(word, subject, at, errors);
    },
    differ(subject, at, errors) {
      countsOf(report, subject).differing += 1;
      tell("differs", subject, at, errors);
    },
    note: write,
    isComplete() {
      const failed = (of: Counts) => of.differing + of.conflict + of.refused;
      return failed(report.products) + failed(report.holds) === 0;
    },
    summary() {
      const left = ignored.size === 0 ? "" : `; fields left out: ${[...ignored].join(", ")}`;
      return `${numbersOf(report)}${left}`;
    },
    async close() {
      await sink?.end();
    },
  };
  return report;
}

export function countsOf(report: Report, subject: Subject): Counts {
  return subject === "product" ? report.products : report.holds;
}

const counts = (): Counts => {
  const found = { imported: 0, amended: 0, unchanged: 0, ended: 0 };
  return { read: 0, valid: 0, ...found, differing: 0, conflict: 0, refused: 0 };
};

function numbersOf({ products, holds, history }: Report): string {
  const of = (name: string, these: Counts): string => {
    const words = OUTCOMES.filter((word) => these[word] > 0);
    const parts = words.map((word) => `${these[word]} ${word}`);
    return `${name}: ${[`${these.read} read`, ...parts].join(", ")}`;
  };
  const parts = [of("products", products), of("holds", holds)];
  if (history > 0) parts.push(`${history} rows of history stay in the export`);
  return parts.join("; ");
}

const megabytes = (bytes: number): string => (bytes / 1_000_000).toFixed(1);
