import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { evidence } from "#test/evidence";
import { ROOT } from "#test/packaging";
import { Random } from "#test/random";
import { isLong, seed } from "#test/scale";
import { Copy, mutated, type Verdict } from "./judge.ts";
import type { Mutant } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";

const DRAWN = 5;
/** Of the test that a mutant asks, with the bug and once without it. */
const TEST_MS_MAX = 400_000;

test("there are forty mutants at least, each with a bug, a place and a test that is named", () => {
  expect(MUTANTS.length).toBeGreaterThanOrEqual(40);
  expect(new Set(MUTANTS.map(({ bug }) => bug)).size).toBe(MUTANTS.length);
  for (const mutant of MUTANTS) {
    const text = readFileSync(join(ROOT, mutant.file), "utf8");
    expect(mutated(text, mutant)).not.toBe(text);
    expect(readFileSync(join(ROOT, mutant.by.file), "utf8")).toContain(mutant.by.name);
  }
});

/** A mutant of a test, which is code as well: what becomes of who judges by it. */
const oddity = (find: string, replace: string): Mutant => {
  const file = "test/lib/edit-distance.test.ts";
  const name = "the edit distance counts letters";
  return { bug: "an oddity", file, find, replace, by: { file, name } };
};
const BEGIN = 'swapped", () => {\n';

test.each<[what: string, kind: Verdict["kind"], Mutant]>([
  ["that nobody can notice lives", "lived", oddity('["", "", 0],', '["", "", 0], ["", "", 0],')],
  [
    "at which only another test fails lives",
    "lived",
    oddity('test("the edit', 'test("another", () => expect(1).toBe(2));\ntest("the edit'),
  ],
  ["at which the named test fails is killed", "killed", oddity('["", "", 0]', '["", "", 1]')],
  [
    "at which the named test does not come to an end is not judged",
    "not judged",
    oddity(BEGIN, 'swapped", async () => {\n  await new Promise(() => undefined);\n'),
  ],
  ["at which its file does not start is not judged", "not judged", oddity(BEGIN, "swapped(")],
  [
    "at which something beside the named test fails is not judged",
    "not judged",
    oddity('test("the edit', 'afterAll(() => expect(1).toBe(2));\ntest("the edit'),
  ],
  [
    "whose test fails without it is not judged",
    "not judged",
    { ...oddity("swapped", "exchanged"), by: { file: "test/lib/none.test.ts", name: "none" } },
  ],
])("a bug %s", async (_what, kind, mutant) => {
  using copy = new Copy({ testMsMax: 1_000 });
  expect((await copy.judge(mutant)).kind).toBe(kind);
});

describe("with this bug the test fails that is named for it:", () => {
  const copy = new Copy();
  afterAll(() => copy[Symbol.dispose]());

  test.each(isLong ? MUTANTS : new Random(seed()).shuffled(MUTANTS).slice(0, DRAWN))(
    "$bug",
    async (mutant) => {
      const { bug, file, by } = mutant;
      const verdict = await copy.judge(mutant);
      if (verdict.kind === "not judged") throw new Error(`not judged: ${verdict.why}`);
      if (verdict.kind === "lived") throw new Error(`it passes: ${by.file}: ${by.name}`);
      evidence(`seeded bug noticed: ${bug}`, { in: file, by: `${by.file}: ${verdict.test}` });
    },
    TEST_MS_MAX,
  );
});
