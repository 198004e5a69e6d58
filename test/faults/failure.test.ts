import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "bun:test";
import { CATALOG } from "#faults/catalog";
import { wordsOf } from "#faults/failure";
import { planOf } from "#faults/plan";

const SINCE = new Date("2026-01-02T10:15:30.000Z");
const LATE = "10:15:31.000 error the journal is gone partition=0";
const OUTPUT = [
  "10:15:29.999 error of the fault before",
  ...Array.from({ length: 9 }, (_, i) => `10:15:30.10${i} warn  a request failed number=${i}`),
  "10:15:30.900 info  serving",
  LATE,
  "  Error: gone",
].join("\n");
const [folderOf, folders] = [/is in (\S+)$/, new Array<string>()];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function told(saw: { readonly found: readonly string[]; readonly error?: unknown }) {
  const step = planOf(
    CATALOG.filter(({ name }) => name === "kill-api"),
    7,
  ).next().value;
  const checks = saw.found.length === 0 ? [] : [checkOf(saw.found)];
  const printed = [{ name: "api-1", output: OUTPUT }];
  const place = [
    "it was fault 3",
    "again, with those before it: bun run faults --seed 5 --times 3",
  ];
  const words = wordsOf({ step, checks, error: saw.error, place, since: SINCE, printed });
  const folder = folderOf.exec(words)?.[1] ?? "";
  folders.push(folder);
  return { lines: words.split("\n"), folder };
}

const checkOf = (broken: readonly string[]) => ({
  name: "nothing happened twice",
  saw: "9 movements",
  seen: 9,
  broken,
});

test("what broke is told first, in one line: expected, seen, the seed and how to have it again", () => {
  const { lines } = told({ found: ["r1 is movement 3 and 5\nin full", "r2"] });
  expect(lines[0]).toBe(
    'BROKEN after kill-api (seed 7): expected "nothing happened twice", seen: r1 is movement 3 and 5; ' +
      "again: bun run faults --only kill-api --seed 7 --times 1",
  );
  expect(told({ found: [], error: new Error("gave up") }).lines[0]).toBe(
    'BROKEN after kill-api (seed 7): expected "it is lived through", seen: Error: gave up; ' +
      "again: bun run faults --only kill-api --seed 7 --times 1",
  );
});

test("of what was printed the last warnings and errors since the fault are told, and all is kept", () => {
  const { lines, folder } = told({ found: ["r1"] });
  const shown = lines.filter((line) => /\d\d:\d\d:\d\d/.test(line)).map((line) => line.trim());
  expect(shown).toEqual([...OUTPUT.split("\n").slice(8, 10), LATE]);
  expect(readFileSync(join(folder, "api-1.log"), "utf8")).toBe(OUTPUT);
});
