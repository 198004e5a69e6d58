/** docs/evidence.md: what runs of `test:long` saw, one row for each line of evidence. */
import { z } from "zod";
import { tableRows } from "#test/documents";

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
  const rows: Rows = isWhole ? [] : tableRows(document, "What was seen");
  const number = String(Math.max(0, ...runs.map(([first]) => Number(first))) + 1);
  const seen = lines.map(({ guarantee, figures }) => seenRow(guarantee, wordsOf(figures), number));
  const guarantees = new Set(seen.map(([guarantee]) => guarantee));
  const kept = rows
    .filter(([guarantee = ""]) => !guarantees.has(guarantee))
    .map(([guarantee = "", words = "", ...rest]) => seenRow(guarantee, words, rest.at(-1) ?? ""));
  const all = [...kept, ...seen].toSorted(([one = ""], [other = ""]) => one.localeCompare(other));
  const named = new Set(all.map((cells) => cells.at(-1)));
  const runsNamed = [...runs, rowOf(number, run)].filter(([first]) => named.has(first));
  return `${HEAD}
## Runs

${table(RUN_TITLES, runsNamed)}

## What was seen

${table(["guarantee", "figures", "fails at most", "run"], all)}
`;
}

const HEAD = `# Evidence

What \`bun run test:long\` saw: the tests of \`bun run test\`, with larger counts. The command writes this page; \`bun run test:long <patterns>\` runs the files whose path contains one of the patterns, and replaces the rows of what they prove. Times are of the machine that the run names.

Nothing here failed: what fails is not written down, it is mended first. That proves no absence. Where none of n trials failed, the true rate is below 3/n with a confidence of 95 %, if the trials are independent of each other and like what happens to you. \`fails at most\` says that bound where a test counts \`trials\`: the same, tried anew. Those that share an installation are alike, and not independent: take the bound for an order of magnitude. A row without one counts what is no such trial. Nothing here speaks of faults that are not named.
`;

/** As `evidence()` writes it, where a test says how often it tried the same anew. */
const TRIALS = /(?:^|, )trials (\d+)(?:,|$)/;

const seenRow = (guarantee: string, words: string, run: string): string[] => {
  const trials = Number(TRIALS.exec(words)?.[1] ?? 0);
  const bound = trials < 3 ? "" : `1 in ${Math.floor(trials / 3)}`;
  return [guarantee, words, bound, run];
};

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

const wordsOf = (figures: Line["figures"]): string =>
  Object.entries(figures)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");

function table(titles: readonly string[], rows: Rows): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll(/[|\n]/g, "/")).join(" | ")} |`;
  return [line(titles), line(titles.map(() => "---")), ...rows.map(line)].join("\n");
}
