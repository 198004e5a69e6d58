/** docs/evidence.md: what runs of `test:long` saw, one row for each line of evidence. */
import { join } from "node:path";
import { z } from "zod";
import { tableRows } from "#test/documents";
import { promisesOf, wordsOf } from "#test/evidence-words";
import { ROOT } from "#test/packaging";

/** What one run was of; nothing in it names a machine or a folder. */
export interface Run {
  /** With the word `changed` behind it where files differed from it. */
  readonly commit: string;
  readonly seed: number;
  /** Day on which it ended. */
  readonly date: string;
  readonly minutes: number;
  readonly versions: { readonly bun: string; readonly redis: string; readonly postgres: string };
  readonly cores: number;
  readonly memoryGib: number;
  /** Patterns of the files that it ran; none: all. */
  readonly patterns: readonly string[];
}

const Line = z.strictObject({
  guarantee: z.string().min(1),
  figures: z.record(z.string(), z.union([z.number(), z.string()])),
});
/** One call of `evidence()`. */
export type Line = z.output<typeof Line>;

/** Lines as the tests wrote them, one JSON object each. */
export function linesOf(text: string): Line[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => Line.parse(JSON.parse(line)));
}

type Rows = readonly (readonly string[])[];

/**
 * The document with what a run saw. A run of all files replaces it; a run of some replaces the rows
 * of the guarantees that it saw, and leaves the others with the run that they are of.
 */
export function withRun(document: string | null, run: Run, lines: readonly Line[]): string {
  const isWhole = document === null || run.patterns.length === 0;
  const runs: Rows = isWhole ? [] : tableRows(document, "Runs");
  const number = String(Math.max(0, ...runs.map(([first]) => Number(first))) + 1);
  const seen = lines.map(({ guarantee, figures }) => {
    return { guarantee, figures: textOf(figures), run: number };
  });
  const guarantees = new Set(seen.map(({ guarantee }) => guarantee));
  const before = isWhole ? [] : rowsOf(document);
  const kept = before.filter(({ guarantee }) => !guarantees.has(guarantee));
  return page([...runs, rowOf(number, run)], [...kept, ...seen]);
}

/** The same runs and rows, in the form that the page has now. */
export const rewritten = (document: string): string =>
  page(tableRows(document, "Runs"), rowsOf(document));

interface SeenRow {
  readonly guarantee: string;
  readonly figures: string;
  readonly run: string;
}

/** Older pages name no promises, and still older ones no bound. */
const rowsOf = (document: string): SeenRow[] =>
  tableRows(document, "What was seen").map((cells) => {
    const [guarantee = ""] = cells;
    return {
      guarantee,
      figures: cells[cells.length >= 5 ? 2 : 1] ?? "",
      run: cells.at(-1) ?? "",
    };
  });

function page(runs: Rows, rows: readonly SeenRow[]): string {
  const sorted = rows.toSorted((one, other) => one.guarantee.localeCompare(other.guarantee));
  const named = new Set(sorted.map(({ run }) => run));
  const { used } = wordsOf(sorted.map(({ figures }) => figures));
  const seen = sorted.map((row) => {
    const promises = promisesOf(row.guarantee).map((promise) => `[${promise}](${PROMISES_AT})`);
    return [row.guarantee, promises.join(" "), row.figures, boundOf(row.figures), row.run];
  });
  return `${HEAD}
## Runs

${table(
  RUN_TITLES,
  runs.filter(([first = ""]) => named.has(first)),
)}

## What was seen

${table(["guarantee", "promises", "figures", "fails at most", "run"], seen)}

## What the figures count

${table(
  ["figure", "counts"],
  used.map(([name, counts]) => [shown(name), counts]),
)}
`;
}

/** A name that goes on is told to. */
function shown(name: string): string {
  if (name.endsWith("/")) return `${name}…`;
  return name.includes("(") && !name.endsWith(")") ? `${name}, …)` : name;
}

const PROMISES_AT = "../README.md#promises";

const HEAD = `# Evidence

What \`bun run test:long\` saw: the tests of \`bun run test\`, with larger counts. The command writes this page; \`bun run test:long <patterns>\` runs the files whose path contains one of the patterns, and replaces the rows of what they prove. Times are of the machine that the run names.

A row speaks of the commit of its run. What came after it and touched the product is counted by \`git rev-list --count <commit>..HEAD -- src lua\`, and told by \`git log --oneline <commit>..HEAD -- src lua\`: the more there is, the less the row says of what you have. A commit with \`changed\` behind it had changes that no commit has.

Each row is of the last run of its test that passed. Of a run in which something failed nothing is written here, and nobody counts such runs: a bound holds only where no run of the same commit failed before. No row proves an absence. Where none of n trials failed, the true rate is below 3/n with a confidence of 95 %, if the trials are independent of each other and like what happens to you. \`fails at most\` says that bound where a test counts \`trials\`: the same, tried anew. Those that share an installation are alike, and not independent: take the bound for an order of magnitude. A row without one counts what is no such trial. Nothing here speaks of faults that are not named.
`;

/** As `evidence()` writes it, where a test says how often it tried the same anew. */
const TRIALS = /(?:^|, )trials (\d+)(?:,|$)/;

function boundOf(figures: string): string {
  const trials = Number(TRIALS.exec(figures)?.[1] ?? 0);
  return trials < 3 ? "" : `1 in ${Math.floor(trials / 3)}`;
}

const RUN_TITLES = ["run", "commit", "seed", "date", "took", "versions", "machine", "files"];

function rowOf(number: string, run: Run): string[] {
  const { bun, redis, postgres } = run.versions;
  return [
    number,
    run.commit,
    String(run.seed),
    run.date,
    `${run.minutes} min`,
    `Bun ${bun}, Redis ${redis}, PostgreSQL ${postgres}`,
    `${run.cores} cores, ${run.memoryGib} GiB`,
    run.patterns.length === 0 ? "all" : run.patterns.join(" "),
  ];
}

const textOf = (figures: Line["figures"]): string =>
  Object.entries(figures)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");

/** Not aligned: one longer cell would change every line. */
function table(titles: readonly string[], rows: Rows): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll(/[|\n]/g, "/")).join(" | ")} |`;
  const lines = [line(titles), line(titles.map(() => "---")), ...rows.map(line)];
  return `<!-- prettier-ignore -->\n${lines.join("\n")}`;
}

/** The page in the form that it has now; what was seen stays as it is. */
if (import.meta.main) {
  const path = join(ROOT, "docs/evidence.md");
  await Bun.write(path, rewritten(await Bun.file(path).text()));
}
