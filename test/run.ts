import { existsSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { Glob } from "bun";
import { linesOf, withRun, type Run } from "#test/evidence-document";
import { commandFor, failingFiles } from "#test/failing-files";
import { newSeed, seedOf } from "#test/scale";
import { removeFolder, startPostgres, temporaryFolder } from "#test/servers";
import { helpIfAsked } from "#test/help";
import { runChecks } from "./check/run.ts";
import { facts } from "./run-facts.ts";

/** One more than processors: many a test waits. With more of them the servers they start get too few. */
const TEST_FILES_AT_ONCE = 3;

/** Where files stay in memory, and the room there (bytes) and in the machine, beyond which tests use it. */
const MEMORY_FOLDER = "/dev/shm";
const MEMORY_FREE_MIN = 4 * 1024 ** 3;
const MEMORY_MIN = 3 * MEMORY_FREE_MIN;

/** A test starts servers and breaks them; what takes longer than this hangs. */
const TEST_MS_MAX = 60_000;
const LONG_TEST_MS_MAX = 3 * 60 * 60_000;
/** How often a long run says that it is alive. */
const PROGRESS_MS = 60_000;
/** As a shell says that a signal ended it. */
const STOPPED = { SIGINT: 130, SIGTERM: 143 } as const;

type Counts = { passed: number; failed: number; skipped: number };

const ROOT = join(import.meta.dir, "..");

/**
 * The whole test command: the checks, then every test file. With arguments it runs only the test
 * files whose path contains one of them. `--long` does the same with larger counts, and writes what
 * it saw into docs/evidence.md. Its last line is `N passed, N failed`.
 */
helpIfAsked(`Runs the checks and every test, on real servers of its own.

Usage:
  bun run test [PART ...]             the files whose path contains one of the parts; all, and the
                                      checks, without one
  bun run test:long [PART ...]        the same with larger counts, for hours: one part takes a
                                      minute to two hours; writes docs/evidence.md

Below the output of a run with failures stands the command that repeats each file that failed, and
the checks where one of them did.
The last line is "N passed, N failed", and it exits with 1 when one failed; with 2 where the command
cannot be understood.
HOLDFAST_TEST_SEED=NUMBER repeats a run's random choices. HOLDFAST_TEST_CASES=NAME/FROM-TO
beside it runs only those cases of a test that has many, as one that fails tells.`);

const isLong = process.argv[2] === "--long";
const patterns = process.argv.slice(isLong ? 3 : 2);
const seed = understood();
const startedAt = performance.now();
const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
/** What repeats that which failed, as commands. */
const failing: string[] = [];
let stoppedBy: keyof typeof STOPPED | null = null;
console.log(`HOLDFAST_TEST_SEED=${seed}`);
if (patterns.length === 0) add(counts, await checked());
await tested();
exitIfStopped();

if (counts.skipped > 0) console.log(`${counts.skipped} skipped, which proves nothing`);
// A machine that judges must not pass what it did not run; a developer may lack a tool.
if (process.env["CI"] === "true") counts.failed += counts.skipped;
if (failing.length > 0) console.log("What failed, again and alone:");
for (const command of failing) console.log(`  ${command}`);
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);

/** The seed of the run; ends the process where no test would be run as it was asked for. */
function understood(): number {
  const refuse = (why: string): never => {
    console.error(`${why}; see: bun run test --help`);
    return process.exit(2);
  };
  for (const pattern of patterns) {
    if (pattern.startsWith("-")) refuse(`there is no option ${pattern}`);
    if (testFiles([pattern]).length === 0) refuse(`no test file's path contains ${pattern}`);
  }
  const given = process.env["HOLDFAST_TEST_SEED"] ?? "";
  try {
    return given === "" ? newSeed() : seedOf(given);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

/** What did not run has neither passed nor failed. */
function exitIfStopped(): void {
  if (stoppedBy === null) return;
  console.log(`stopped by ${stoppedBy}`);
  process.exit(STOPPED[stoppedBy]);
}

async function checked(): Promise<Counts> {
  const found: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { result } of await runChecks()) {
    // What nobody outside answered was neither passed nor skipped by us.
    if (result !== "unanswered") found[result] += 1;
  }
  if (found.failed > 0) failing.push("bun run check");
  return found;
}

/** One PostgreSQL serves all files, each of which creates databases of its own in it. */
async function tested(): Promise<void> {
  const folder = temporaryFolder("run", parentOfFolders());
  const report = join(folder, "report.xml");
  const seen = join(folder, "evidence.jsonl");
  const progress = isLong ? setInterval(() => tellProgress(seen), PROGRESS_MS) : undefined;
  try {
    const parent = join(folder, "postgres");
    await using database = await startPostgres({ fsync: false, parent });
    const known = isLong ? await facts(database.url) : null;
    const child = Bun.spawn([process.execPath, ...testCommand(report), ...patterns], {
      cwd: ROOT,
      env: {
        ...process.env,
        HOLDFAST_TEST_FOLDER: folder,
        HOLDFAST_TEST_POSTGRES_URL: database.url,
        HOLDFAST_TEST_SEED: String(seed),
        ...(isLong ? { HOLDFAST_TEST_LONG: "1", HOLDFAST_TEST_EVIDENCE: seen } : {}),
      },
      stdio: ["ignore", "inherit", "inherit"],
    });
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        stoppedBy = signal;
        child.kill(signal);
      });
    }
    add(counts, countsOf(report, patterns, await child.exited));
    if (known) keepEvidence(seen, { ...known, ...runNow() });
  } finally {
    clearInterval(progress);
    removeFolder(folder);
  }
}

/**
 * In memory where there is plenty, for a run makes and removes hundreds of databases. A process that
 * is killed finds there what it would find on a disk. What runs for hours writes too much for that.
 */
function parentOfFolders(): string {
  if (isLong || !existsSync(MEMORY_FOLDER) || totalmem() < MEMORY_MIN) return tmpdir();
  const { bavail, bsize } = statfsSync(MEMORY_FOLDER);
  return bavail * bsize < MEMORY_FREE_MIN ? tmpdir() : MEMORY_FOLDER;
}

function minutesNow(): number {
  return Math.round((performance.now() - startedAt) / 60_000);
}

function runNow() {
  const date = new Date().toISOString().slice(0, 10);
  return { seed, patterns, minutes: minutesNow(), date };
}

function tellProgress(seen: string): void {
  const text = existsSync(seen) ? readFileSync(seen, "utf8") : "";
  // The last line may be half written.
  const lines = linesOf(text.slice(0, text.lastIndexOf("\n") + 1));
  const last = lines.at(-1)?.guarantee ?? "nothing yet";
  console.log(`${minutesNow()} min, ${lines.length} lines of evidence, the last: ${last}`);
}

/** What a run with failures saw is no evidence: the page stays as it is, and says that it does. */
function keepEvidence(seen: string, run: Run): void {
  const lines = existsSync(seen) ? linesOf(readFileSync(seen, "utf8")) : [];
  if (counts.failed > 0 || lines.length === 0) {
    console.log(`docs/evidence.md stays as it is: ${counts.failed} failed, ${lines.length} lines`);
    return;
  }
  const path = join(ROOT, "docs/evidence.md");
  const before = existsSync(path) ? readFileSync(path, "utf8") : null;
  writeFileSync(path, withRun(before, run, lines));
  console.log(`docs/evidence.md has ${lines.length} lines of this run`);
}

function testCommand(report: string): string[] {
  return [
    "test",
    `--parallel=${TEST_FILES_AT_ONCE}`,
    `--timeout=${isLong ? LONG_TEST_MS_MAX : TEST_MS_MAX}`,
    "--reporter=junit",
    `--reporter-outfile=${report}`,
  ];
}

/**
 * From the report. A file that is not in it (it cannot be read, its process died, it holds no
 * test) counts as a failure, and so does a run that failed for no reason the report knows.
 */
function countsOf(report: string, files: readonly string[], exitCode: number): Counts {
  const text = existsSync(report) ? readFileSync(report, "utf8") : "";
  const [totals = ""] = /<testsuites [^>]*>/.exec(text) ?? [];
  const total = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(totals)?.[1] ?? 0);
  const silent = testFiles(files).filter((path) => !text.includes(` file="${path}"`));
  for (const path of silent) console.log(`(fail) ${path} told of no test`);
  const run = { seed, isLong, cases: process.env["HOLDFAST_TEST_CASES"] ?? "" };
  failing.push(...[...failingFiles(text), ...silent].map((file) => commandFor(file, run)));
  const known = total("failures") + total("errors");
  const skipped = total("skipped");
  const failed = known + silent.length;
  return {
    passed: total("tests") - known - skipped,
    failed: exitCode === 0 ? failed : Math.max(failed, 1),
    skipped,
  };
}

/** As `bun test` chooses them: those whose path contains one of the patterns, or all. */
function testFiles(patternsOrNone: readonly string[]): string[] {
  const all = [...new Glob("test/**/*.test.ts").scanSync(ROOT)];
  if (patternsOrNone.length === 0) return all;
  return all.filter((path) => patternsOrNone.some((pattern) => path.includes(pattern)));
}

function add(sum: Counts, more: Counts): void {
  sum.passed += more.passed;
  sum.failed += more.failed;
  sum.skipped += more.skipped;
}
