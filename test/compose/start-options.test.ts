import { expect, test } from "bun:test";
import { startOptions, StartUsageError } from "#compose/start";

const optionsOf = (line: string) => startOptions(line.split(" ").filter((word) => word !== ""));

test("start takes a role, and for the role api a number of processes", () => {
  expect(optionsOf("")).toEqual({ role: "all", workers: 1, process: null });
  expect(optionsOf("worker")).toEqual({ role: "worker", workers: 1, process: null });
  expect(optionsOf("api --workers 1")).toEqual({ role: "api", workers: 1, process: null });
  expect(optionsOf("--workers=64 api")).toEqual({ role: "api", workers: 64, process: null });
  expect(optionsOf("api --process 3")).toEqual({ role: "api", workers: 1, process: 3 });
});

test.each([
  ["api worker", "unexpected: worker; settings are environment variables"],
  ["--port 3004", "unexpected: --port; settings are environment variables"],
  ["api --workers 0", "--workers takes a whole number from 1 to 64, not 0"],
  ["api --workers 65", "--workers takes a whole number from 1 to 64, not 65"],
  ["api --workers 064 9", "unexpected: 9"],
  ["api --workers=", "--workers takes a whole number from 1 to 64"],
  ["api --workers=1.5", "--workers takes a whole number from 1 to 64, not 1.5"],
  ["api --workers=-2", "--workers takes a whole number from 1 to 64, not -2"],
  ["api --workers two", "--workers takes a whole number from 1 to 64, not two"],
  ["api --workers", "--workers takes a whole number from 1 to 64"],
  ["worker --workers 2", "--workers is for the role api, not for worker"],
  ["--workers 2", "--workers is for the role api, not for all"],
])("start refuses what it cannot understand, and names it: %s", (line, why) => {
  expect(() => optionsOf(line)).toThrow(StartUsageError);
  expect(() => optionsOf(line)).toThrow(why);
});
