import { helpIfAsked } from "#test/help";
import { ROOT, SKIPPED_EXIT_CODE, TOOLS, UNANSWERED_EXIT_CODE } from "./tools.ts";

type Result = "passed" | "failed" | "skipped" | "unanswered";
type CheckResult = Readonly<{ name: string; result: Result }>;

const STEPS: Readonly<Record<string, string[]>> = {
  types: TOOLS.check,
  format: [...TOOLS.fmt, "--check"],
  lint: TOOLS.oxlint,
  "dead code": TOOLS.knip,
  "lua format": [...TOOLS.stylua, "--check", "lua"],
  "lua lint": TOOLS.luacheck,
  vulnerabilities: TOOLS.audit,
};

/** Every check that needs no server, one after the other, with the output of those that fail. */
export async function runChecks(): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const [name, command] of Object.entries(STEPS)) {
    const startedAt = performance.now();
    const { exitCode, output } = await run(command);
    const result = resultOf(exitCode);
    const ms = Math.round(performance.now() - startedAt);
    console.log(`(${result}) check ${name} [${ms} ms]`);
    if (result !== "passed") console.log(output.trimEnd());
    results.push({ name, result });
  }
  return results;
}

function resultOf(exitCode: number): Result {
  if (exitCode === 0) return "passed";
  if (exitCode === SKIPPED_EXIT_CODE) return "skipped";
  return exitCode === UNANSWERED_EXIT_CODE ? "unanswered" : "failed";
}

async function run(command: string[]): Promise<{ exitCode: number; output: string }> {
  const child = Bun.spawn(command, { cwd: ROOT, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { exitCode: await child.exited, output: out + err };
}

if (import.meta.main) {
  helpIfAsked(`Checks what needs no server of ours: types, format, lint, dead code, Lua's format and lint, and
known vulnerabilities of the packages (unanswered where the registry keeps no advisories).

Usage:
  bun run check

It changes nothing, shows the output of what fails, and exits with 1 then. "bun run fix" mends what
machines can.`);
  const results = await runChecks();
  process.exit(results.some(({ result }) => result === "failed") ? 1 : 0);
}
