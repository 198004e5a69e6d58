/** What is told of a fault after which something does not hold: which promise, how to have it again, what was logged. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failuresOf, type Check } from "#faults/laws";
import { aloneOf, type Step } from "#faults/plan";

const FOUND_MAX = 6;
/** Of each process, the last ones since the fault began. */
const LINES_MAX = 3;
const LINE_MAX = 220;
/** `10:15:30.123 warn  …`, as the service logs. */
const PRESSING = /^(\d\d:\d\d:\d\d\.\d{3}) (?:warn|error) /;

export interface Printed {
  /** `api-1`. */
  readonly name: string;
  readonly output: string;
}

export interface Broken {
  readonly step: Step;
  /** Those that do not hold; none: it could not be looked at. */
  readonly checks: readonly Check[];
  readonly error?: unknown;
  /** Where it stands in its run, and how to have that again: a line each. */
  readonly place: readonly string[];
  /** When the fault was about to begin. */
  readonly since: Date;
  readonly printed: readonly Printed[];
}

/** The first line says all that somebody needs who reads no other. */
export function wordsOf({ step, checks, error, place, since, printed }: Broken): string {
  const { fault, seed } = step;
  const [first] = checks;
  const broken =
    first === undefined
      ? `expected "it is lived through", seen: ${firstLine(String(error))}`
      : `expected "${first.name}", seen: ${firstLine(failuresOf(first)[0] ?? "")}`;
  return [
    `BROKEN after ${fault.name} (seed ${seed}): ${broken}; again: ${aloneOf(step)}`,
    ...checks.flatMap(shown),
    ...place,
    ...printed.flatMap((one) => pressing(one, since)),
    `all that the processes printed is in ${kept(printed)}`,
  ].join("\n");
}

function shown(check: Check): string[] {
  const found = failuresOf(check);
  const head = `  DOES NOT HOLD: ${check.name} (${check.saw}), ${found.length} times`;
  return [head, ...found.slice(0, FOUND_MAX).map((text) => `    ${text}`)];
}

function pressing({ name, output }: Printed, since: Date): string[] {
  const from = since.toISOString().slice(11, 23);
  const lines = output.split("\n").filter((line) => (PRESSING.exec(line)?.[1] ?? "") >= from);
  if (lines.length === 0) return [];
  const last = lines.slice(-LINES_MAX).map((line) => `    ${line.slice(0, LINE_MAX)}`);
  return [`  ${name}, ${lines.length} warnings and errors since, the last:`, ...last];
}

/** They go with the processes otherwise. */
function kept(printed: readonly Printed[]): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-faults-"));
  for (const { name, output } of printed) writeFileSync(join(folder, `${name}.log`), output);
  return folder;
}

const firstLine = (text: string): string => text.split("\n", 1)[0] ?? "";
