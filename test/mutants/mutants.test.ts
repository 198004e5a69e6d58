import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { evidence } from "#test/evidence";
import { ROOT } from "#test/packaging";
import { Random } from "#test/random";
import { isLong, seed } from "#test/scale";
import { Copy, mutated } from "./judge.ts";
import { MUTANTS } from "./mutants.ts";

const DRAWN = 5;
/** Of each file that a mutant asks, with the bug and once without it. */
const TEST_MS_MAX = 900_000;

test("there are forty mutants at least, each with a bug, a place and tests of its own", () => {
  expect(MUTANTS.length).toBeGreaterThanOrEqual(40);
  expect(new Set(MUTANTS.map(({ bug }) => bug)).size).toBe(MUTANTS.length);
  for (const mutant of MUTANTS) {
    const text = readFileSync(join(ROOT, mutant.file), "utf8");
    expect(mutated(text, mutant)).not.toBe(text);
    expect(mutant.asks.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  }
});

describe("with this bug a test fails:", () => {
  const copy = new Copy();
  afterAll(() => copy[Symbol.dispose]());

  test("(one that nobody can notice lives)", async () => {
    const unnoticed = {
      bug: "a comment says something else",
      file: "src/lib/edit-distance.ts",
      find: "(optimal string alignment)",
      replace: "(another)",
      asks: ["test/lib/edit-distance.test.ts"],
    };
    expect(await copy.judge(unnoticed)).toEqual({ kind: "lived" });
  });

  test.each(isLong ? MUTANTS : new Random(seed()).shuffled(MUTANTS).slice(0, DRAWN))(
    "$bug",
    async (mutant) => {
      const verdict = await copy.judge(mutant);
      if (verdict.kind === "lived") throw new Error("no test noticed");
      const { file, test: name } = verdict;
      if (verdict.kind === "hung" && mutant.hangs !== true) {
        throw new Error(`no test said no: one did not come to an end, in ${file}: ${name}`);
      }
      evidence(`seeded bug noticed: ${mutant.bug}`, { in: mutant.file, by: `${file}: ${name}` });
    },
    TEST_MS_MAX,
  );
});
