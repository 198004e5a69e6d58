import { helpIfAsked } from "#test/help";
import { ROOT, TOOLS } from "./tools.ts";

helpIfAsked(`Puts right what machines can: lint, format of TypeScript and documents, format of Lua.

Usage:
  bun run fix

It writes into the files of this tree. "bun run check" says what is left.`);

/** What machines can put right. The linter first: what it writes is then formatted. */
const STEPS = [[...TOOLS.oxlint, "--fix"], TOOLS.fmt, [...TOOLS.stylua, "lua"]];

let failed = false;
for (const command of STEPS) {
  const child = Bun.spawn(command, { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"] });
  failed = (await child.exited) !== 0 || failed;
}
process.exit(failed ? 1 : 0);
