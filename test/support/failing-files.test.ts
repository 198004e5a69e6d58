import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { commandFor, failingFiles } from "#test/failing-files";
import { removeFolder, temporaryFolder } from "#test/servers";

const HEAD = 'import { afterAll, describe, expect, test } from "bun:test";\n';
const FILES = {
  sound: 'test("passes", () => {});',
  below: 'describe("of <some> \\"kind\\"", () => { test("fails", () => expect(1).toBe(2)); });',
  hook: 'test("passes", () => {}); afterAll(() => { throw new Error("no"); });',
  slow: 'test("hangs", () => new Promise(() => {}), 20);',
};

test("the report of a run names each file in which something failed, and no other", async () => {
  const folder = temporaryFolder("failing");
  mkdirSync(join(folder, "test"));
  for (const [name, text] of Object.entries(FILES)) {
    writeFileSync(join(folder, `test/${name}.test.ts`), HEAD + text);
  }
  const report = ["--reporter=junit", "--reporter-outfile=report.xml"];
  const stdio = ["ignore", "ignore", "ignore"] as const;
  const run = Bun.spawn([process.execPath, "test", ...report], { cwd: folder, stdio: [...stdio] });
  expect(await run.exited).toBe(1);
  const failing = failingFiles(readFileSync(join(folder, "report.xml"), "utf8"));
  expect(failing.toSorted()).toEqual(
    ["below", "hook", "slow"].map((name) => `test/${name}.test.ts`),
  );
  removeFolder(folder);
});

test("a file that failed is had again with the seed and the cases of its run", () => {
  const again = (isLong: boolean, cases = ""): string =>
    commandFor("test/a.test.ts", { seed: 7, isLong, cases });
  expect([again(false), again(true), again(true, "cuts/3-9")]).toEqual([
    "HOLDFAST_TEST_SEED=7 bun run test test/a.test.ts",
    "HOLDFAST_TEST_SEED=7 bun run test:long test/a.test.ts",
    "HOLDFAST_TEST_SEED=7 HOLDFAST_TEST_CASES=cuts/3-9 bun run test:long test/a.test.ts",
  ]);
});
