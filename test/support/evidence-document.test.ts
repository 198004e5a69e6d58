import { expect, test } from "bun:test";
import { tableRows } from "#test/documents";
import { linesOf, withRun, type Run } from "#test/evidence-document";

const run: Run = {
  commit: "0123456789ab",
  seed: 7,
  date: "2026-01-01",
  minutes: 3,
  versions: { bun: "1", redis: "7", postgres: "18" },
  cores: 2,
  memoryGib: 4,
  patterns: [],
};
const crashes = { guarantee: "nothing is lost", figures: { kills: 100, trials: 99, "p50 ms": 9 } };
const again = { guarantee: "nothing is lost", figures: { kills: 200, trials: 200 } };
const expiry = { guarantee: "expired once", figures: { holds: 5 } };

test("a run of all files replaces the page", () => {
  const before = withRun(null, run, [crashes]);
  const page = withRun(before, { ...run, seed: 8 }, [expiry]);
  expect(tableRows(page, "Runs").map(([number, , seed]) => [number, seed])).toEqual([["1", "8"]]);
  expect(tableRows(page, "What was seen")).toEqual([["expired once", "", "holds 5", "", "1"]]);
});

test("a run of some files replaces the rows of what it saw, and no other", () => {
  const before = withRun(null, run, [crashes, expiry]);
  const page = withRun(before, { ...run, seed: 8, patterns: ["crashes"] }, [again, again]);
  expect(tableRows(page, "What was seen")).toEqual([
    ["expired once", "", "holds 5", "", "1"],
    ["nothing is lost", "", "kills 200, trials 200", "1 in 66", "2"],
    ["nothing is lost", "", "kills 200, trials 200", "1 in 66", "2"],
  ]);
  const runs = tableRows(page, "Runs").map(([number, , seed, , , , , files]) => {
    return [number, seed, files];
  });
  expect(runs).toEqual([
    ["1", "7", "all"],
    ["2", "8", "crashes"],
  ]);
});

test("where a row counts trials it says how often they fail at most, also one of an older page", () => {
  const page = withRun(null, run, [crashes])
    .replace("nothing is lost |  |", "nothing is lost |")
    .replace(" 1 in 33 |", "")
    .replace(" promises |", "")
    .replace(" fails at most |", "");
  const later = withRun(page, { ...run, patterns: ["x"] }, [expiry]);
  expect(tableRows(later, "What was seen")).toEqual([
    ["expired once", "", "holds 5", "", "2"],
    ["nothing is lost", "", "kills 100, trials 99, p50 ms 9", "1 in 33", "1"],
  ]);
});

test("where a test counts no trials nothing is said of how often it fails", () => {
  const pooled = {
    guarantee: "pooled",
    figures: { faults: 100, histories: 9, "trials of it": 50 },
  };
  const few = { guarantee: "few", figures: { trials: 2 } };
  const [one, other] = tableRows(withRun(null, run, [few, pooled]), "What was seen");
  expect([one?.[3], other?.[3]]).toEqual(["", ""]);
});

test("a run that no row is of any more goes from the page", () => {
  const some = { ...run, patterns: ["x"] };
  const page = withRun(withRun(null, some, [crashes]), some, [crashes]);
  expect(tableRows(page, "Runs")).toHaveLength(1);
});

test("lines of evidence are read back, and others are refused", () => {
  expect(linesOf(`${JSON.stringify(crashes)}\n${JSON.stringify(expiry)}\n`)).toEqual([
    crashes,
    expiry,
  ]);
  expect(() => linesOf('{"figures":{}}\n')).toThrow();
});
