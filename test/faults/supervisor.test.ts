import { expect, test } from "bun:test";
import { evidence } from "#test/evidence";
import { counted, isLong, seed } from "#test/scale";
import { spreadOf } from "#test/spread";
import { CATALOG } from "#faults/catalog";
import { settlingOf } from "#faults/fault";
import { needsOf, planOf, possibleOf, type Step } from "#faults/plan";
import { supervise } from "#faults/supervisor";

/** Those that take half a minute are for `test:long` and `bun run faults`. */
const FAULTS = CATALOG.filter(({ isSlow }) => isLong || isSlow !== true);
const TIMES = counted(2, 3 * FAULTS.length);
const TEST_MS_MAX = counted(180_000, 3 * 60 * 60_000);

const first = (faults: typeof CATALOG, count: number, of: number): Step[] => {
  const plan = planOf(faults, of);
  return Array.from({ length: count }, () => plan.next().value);
};

test("a seed plans the same faults again, each round has all of them, and one can be had alone", () => {
  const steps = first(CATALOG, 2 * CATALOG.length, 7);
  expect(steps).toEqual(first(CATALOG, 2 * CATALOG.length, 7));
  expect(steps).not.toEqual(first(CATALOG, 2 * CATALOG.length, 8));
  for (const round of [steps.slice(0, CATALOG.length), steps.slice(CATALOG.length)]) {
    const names = round.map(({ fault }) => fault.name);
    expect(names.toSorted()).toEqual(CATALOG.map(({ name }) => name).toSorted());
  }
  for (const step of steps) expect(first([step.fault], 1, step.seed)).toEqual([step]);
  // Behind the last seed that an argument may be comes 0.
  const last = first(CATALOG, 2, 2 ** 31 - 1);
  expect(last.map((step) => step.seed)).toEqual([2 ** 31 - 1, 0]);
  expect(new Set(CATALOG.map(({ name }) => name)).size).toBe(CATALOG.length);
});

test("after a fault the ledger has 10 s and what falls due 5 s, and 30 s where a rebuild may be", () => {
  const late = CATALOG.filter(({ endsLate }) => endsLate !== undefined);
  expect(late.map(({ name }) => name)).toEqual(["lost-requests", "black-hole-redis"]);
  for (const fault of CATALOG) {
    const { lagMs, onTimeMs } = settlingOf(fault);
    const expected = fault.mayLose === true ? [30_000, 30_000] : [10_000, 5_000];
    if (fault.endsLate === undefined) expect([lagMs, onTimeMs]).toEqual(expected);
    else expect([lagMs, onTimeMs]).toEqual([10_000, fault.endsLate.untilMs]);
  }
});

test(
  "an installation under load lives through one fault after the other, and all that is promised holds after each",
  async () => {
    const say = (line: string): void => console.log(line);
    const begin = seed();
    const steps = first(possibleOf(FAULTS, say), TIMES, begin);
    const needs = needsOf(steps.map(({ fault }) => fault));
    const again = (): string =>
      `HOLDFAST_TEST_SEED=${begin} ${isLong ? "HOLDFAST_TEST_LONG=1 " : ""}` +
      "bun test test/faults/supervisor.test.ts";
    const lived = await supervise(steps, { needs, say, isVerbose: false, again });
    const sum = (of: (one: (typeof lived)[number]) => number): number =>
      lived.reduce((total, one) => total + of(one), 0);
    const served = spreadOf(lived.map(({ servedMs }) => servedMs));
    evidence("an installation lives through every fault of the catalog under load", {
      seed: begin,
      faults: lived.length,
      kinds: new Set(lived.map(({ step }) => step.fault.name)).size,
      "checks that held": sum(({ checks }) => checks.length),
      acknowledged: sum(({ acknowledged }) => acknowledged),
      "reported as lost": sum(({ lostReported }) => lostReported),
      "served again (ms, p50)": served.p50,
      "served again (ms, max)": served.max,
      "ledger complete (ms, max)": Math.max(...lived.map(({ lagMs }) => lagMs)),
      "nothing late after (ms, max)": Math.max(...lived.map(({ lateMs }) => lateMs)),
    });
  },
  TEST_MS_MAX,
);
