import { helpIfAsked } from "#test/help";
import { ROOT, SKIPPED_EXIT_CODE, TOOLS } from "./tools.ts";

type CheckResult = Readonly<{ name: string; result: "passed" | "failed" | "skipped" }>;

const STEPS: Readonly<Record<string, string[]>> = {
  types: TOOLS.check,
  format: [...TOOLS.fmt, "--check"],
  lint: TOOLS.oxlint,
  "dead code": TOOLS.knip,
  "lua format": [...TOOLS.stylua, "--check", "lua"],
  "lua lint": TOOLS.luacheck,
};

/** Every check that needs no server, one after the other, with the output of those that fail. */
export async function runChecks(): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const [name, command] of Object.entries(STEPS)) {
    const startedAt = performance.now();
    const { exitCode, output } = await run(command);
    const result =
      exitCode === 0 ? "passed" : exitCode === SKIPPED_EXIT_CODE ? "skipped" : "failed";
    const ms = Math.round(performance.now() - startedAt);
    console.log(`(${result}) check ${name} [${ms} ms]`);
    if (result !== "passed") console.log(output.trimEnd());
    results.push({ name, result });
  }
  return results;
}

async function run(command: string[]): Promise<{ exitCode: number; output: string }> {
  const child = Bun.spawn(command, { cwd: ROOT, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { exitCode: await child.exited, output: out + err };
}

if (import.meta.main) {
  helpIfAsked(`Checks what needs no server: types, format, lint, dead code, and Lua's format and lint.

Usage:
  bun run check

It changes nothing, shows the output of what fails, and exits with 1 then. "bun run fix" mends what
machines can.`);
  const results = await runChecks();
  process.exit(results.some(({ result }) => result === "failed") ? 1 : 0);
}
