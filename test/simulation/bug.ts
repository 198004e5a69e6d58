/**
 * `bun test/simulation/bug.ts BUG FIRST RUNS`: puts a bug of test/mutants into what is loaded, and simulates
 * from that seed on until a run fails. Tells how many it took, as JSON.
 */
import { plugin } from "bun";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { mutated } from "#mutants/judge";
import { MUTANTS } from "#mutants/mutants";
import { ROOT } from "#test/packaging";
import { makeBed } from "./bed.ts";
import type { Found } from "./bugs.ts";

const [bug = "", first = "0", runs = "1"] = process.argv.slice(2);
const mutant = MUTANTS.find((one) => one.bug === bug);
if (!mutant) throw new Error(`test/mutants has no bug "${bug}"`);
const path = join(ROOT, mutant.file);
const text = mutated(readFileSync(path, "utf8"), mutant);
if (path.endsWith(".lua")) {
  const { editScripts } = await import("./redis/scripts.ts");
  // Scripts come with their fragments put in.
  editScripts((script) => script.replace(mutant.find, () => mutant.replace));
} else {
  plugin({
    name: "a bug",
    setup: (build) => void build.onLoad({ filter: /\.ts$/ }, load),
  });
}

function load({ path: asked }: { readonly path: string }) {
  return { contents: asked === path ? text : readFileSync(asked, "utf8"), loader: "ts" } as const;
}

const simulate = await makeBed();
const found: Found = { runs: 0, seed: null, failure: null };
while (found.failure === null && found.runs < Number(runs)) {
  const seed = Number(first) + found.runs;
  const [failure = null] = (await simulate(seed)).failures;
  Object.assign(found, { runs: found.runs + 1, seed, failure });
}
await Bun.write(Bun.stdout, JSON.stringify(found));
process.exit(0);
