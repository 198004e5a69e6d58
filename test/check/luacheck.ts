import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glob } from "bun";
import { expand } from "#redis/script";
import { ROOT, SKIPPED_EXIT_CODE } from "./tools.ts";

const LUA_FOLDER = join(ROOT, "lua");
const UNUSED_LOCAL = /^(\S+?):\d+:\d+: \(W211\) unused (?:function|variable) '(\w+)'/;

/**
 * Runs luacheck over the scripts as Redis gets them. A local of a fragment may be unused in one
 * script, as long as another one that includes it does use it.
 */
const luacheck = Bun.which("luacheck");
if (luacheck === null) {
  console.log("luacheck is not installed (Debian: lua-check; luarocks: luacheck)");
  process.exit(SKIPPED_EXIT_CODE);
}
const scripts = expandedScripts();
if (scripts.size === 0) throw new Error("found no script in lua/");
const warnings = await check(luacheck, scripts);
const serious = warnings.filter((warning) => !isUsedElsewhere(warning, warnings, scripts));
for (const warning of serious) console.log(warning);
console.log(`${scripts.size} scripts, ${serious.length} warnings`);
process.exit(serious.length > 0 ? 1 : 0);

/** Path under lua/ → text, of all but the fragments, which are checked where they are included. */
function expandedScripts(): Map<string, string> {
  const paths = [...new Glob("**/*.lua").scanSync(LUA_FOLDER)].toSorted();
  const own = paths.filter((path) => !path.startsWith("lib/"));
  return new Map(own.map((path) => [path, expand(path)]));
}

async function check(program: string, texts: ReadonlyMap<string, string>): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-lua-"));
  try {
    for (const [path, text] of texts) await Bun.write(join(folder, path), text);
    const config = join(ROOT, ".luacheckrc");
    const flags = ["--config", config, "--formatter", "plain", "--codes", "--no-color"];
    const run = Bun.spawn([program, ...flags, ...texts.keys()], { cwd: folder, stdout: "pipe" });
    const output = await run.stdout.text();
    // 0 clean, 1 warnings, 2 errors in the Lua; above that luacheck itself failed.
    if ((await run.exited) > 2) throw new Error(`luacheck failed: ${output}`);
    return output.split("\n").filter((line) => line !== "");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function isUsedElsewhere(
  warning: string,
  all: readonly string[],
  texts: ReadonlyMap<string, string>,
): boolean {
  const [, path = "", name = ""] = UNUSED_LOCAL.exec(warning) ?? [];
  if (name === "") return false;
  const declares = new RegExp(`^local (?:function )?${name}\\b`, "m");
  const unusedIn = (script: string) =>
    all.some((line) => {
      const found = UNUSED_LOCAL.exec(line);
      return found?.[1] === script && found[2] === name;
    });
  return [...texts].some(
    ([script, text]) => script !== path && declares.test(text) && !unusedIn(script),
  );
}
