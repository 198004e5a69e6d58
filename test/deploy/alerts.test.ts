/** The rules of Prometheus: each fires when it must, and is silent about what passes by itself. */
import { describe, expect, test } from "bun:test";
import { ALERTS } from "#deploy/alerts";
import { checkRules, promtool, testRules } from "#test/promtool";
import { ALERT_CASES, minutesOf } from "./alert-cases.ts";

const NAMES = ALERTS.flatMap(({ alerts }) => alerts.map(({ name }) => name));
/** A tool that is started three times, on a machine that does much else. */
const TEST_MS_MAX = 60_000;
const CASES = Object.entries(ALERT_CASES);

test("every alert has a name of its own, and cases", () => {
  expect(new Set(NAMES).size).toBe(NAMES.length);
  expect(NAMES.length).toBeGreaterThan(15);
  expect(CASES.map(([name]) => name).toSorted()).toEqual(NAMES.toSorted());
  expect(CASES.filter(([, { silent }]) => silent.length === 0)).toEqual([]);
});

describe.skipIf(promtool === null)("by promtool (Debian: prometheus)", () => {
  test("the rules are such that Prometheus takes them", async () => {
    expect(await checkRules()).toContain(`SUCCESS: ${NAMES.length} rules found`);
  });

  test(
    "each alert fires when it must, and not before",
    async () => {
      const expected = CASES.map(([alert, { fires }]) => ({
        alert,
        series: fires,
        at: [[0, false] as const, [minutesOf(fires) - 1, true] as const],
      }));
      expect(await testRules(expected)).toContain("SUCCESS");
    },
    TEST_MS_MAX,
  );

  test(
    "each alert is silent about what passes by itself",
    async () => {
      const expected = CASES.flatMap(([alert, { silent }]) =>
        silent.map((series) => ({
          alert,
          series,
          at: Array.from({ length: minutesOf(series) }, (_, minute) => [minute, false] as const),
        })),
      );
      expect(await testRules(expected)).toContain("SUCCESS");
    },
    TEST_MS_MAX,
  );

  test("an alert that does not fire when it must is told by its name", async () => {
    const [alert, { fires }] = CASES[0] ?? ["", { fires: {} }];
    const found = await testRules([{ alert, series: fires, at: [[0, true]] }]);
    expect(found).toContain("FAILED");
    expect(found).toContain(alert);
  });
});
