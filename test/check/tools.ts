import { join } from "node:path";

export const ROOT = join(import.meta.dir, "../..");

/** Runs with this very Bun, so that nothing depends on a Node.js or on links in node_modules. */
const tool = (...args: string[]) => [process.execPath, ...args];

export const TOOLS = {
  /** `--no-script`: `bun check` and `bun fmt` would otherwise run our scripts of these names. */
  check: tool("check", "--no-script", "--no-pretty"),
  fmt: tool("fmt", "--no-script"),
  audit: tool("test/check/audit.ts"),
  luacheck: tool("test/check/luacheck.ts"),
  oxlint: tool("node_modules/oxlint/bin/oxlint"),
  knip: tool("node_modules/knip/bin/knip.js", "--no-config-hints", "--no-progress"),
  stylua: tool("node_modules/@johnnymorganz/stylua-bin/run.js"),
};

/** Exit code of a tool of ours that is not installed: nothing was checked, and nothing failed. */
export const SKIPPED_EXIT_CODE = 77;

/** Exit code where a service outside had to be asked and did not answer: neither good nor bad. */
export const UNANSWERED_EXIT_CODE = 78;
