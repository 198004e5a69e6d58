/** The checker over histories that are known to be sound, and over the same with one wrong answer. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { evidence } from "#test/evidence";
import { counted, seed } from "#test/scale";
import { check, type Clock } from "./checker";
import { execute, initialOf, Plan, ShortPlan, spoiled } from "./generated";
import type { Operation } from "./operations";
import { isExplained } from "./plain";

const PLANS = counted(80, 10_000);
const SHORT_PLANS = counted(1_000, 50_000);
const TEST_MS_MAX = counted(30_000, 3_600_000);
/** The others can be explained after all: by what is unknown, or by what nobody looked at later. */
const REFUSED_MIN = 0.75;
const CLOCK: Clock = { earliest: (at) => at, latest: (at) => at };

const historyOf = (plan: Plan, operations: readonly Operation[]) => {
  return { initial: initialOf(plan), operations, clock: CLOCK };
};

const verdictOf = (plan: Plan, operations: readonly Operation[]) =>
  check(historyOf(plan, operations));

test(
  "what comes from an execution is explained; with one wrong answer three of four are refused at least",
  () => {
    const seen = { histories: 0, operations: 0, unknown: 0, states: 0, spoiled: 0, refused: 0 };
    const property = fc.property(Plan, fc.nat(), fc.nat(), (plan, chosen, which) => {
      const operations = execute(plan);
      const verdict = verdictOf(plan, operations);
      seen.histories += 1;
      seen.operations += operations.length;
      seen.unknown += operations.filter(({ answer }) => answer === null).length;
      seen.states += verdict.states;
      if (verdict.kind !== "explained") throw new Error(JSON.stringify(verdict, null, 1));

      const one = operations[chosen % Math.max(1, operations.length)];
      const wrong = one?.answer ? spoiled(one.answer, which) : null;
      if (wrong === null) return;
      const others = operations.map((it) => (it === one ? { ...it, answer: wrong } : it));
      seen.spoiled += 1;
      seen.refused += verdictOf(plan, others).kind === "unexplained" ? 1 : 0;
    });
    const begin = seed();
    fc.assert(property, { numRuns: PLANS, seed: begin });
    expect(seen.spoiled).toBeGreaterThan(PLANS / 2);
    const rate = seen.refused / seen.spoiled;
    evidence("the checker of histories", { seed: begin, ...seen, rate: rate.toFixed(4) });
    expect(rate).toBeGreaterThan(REFUSED_MIN);
  },
  TEST_MS_MAX,
);

test(
  "it says what trying every order says",
  () => {
    const said = { explained: 0, unexplained: 0, too_many_states: 0 };
    const property = fc.property(ShortPlan, fc.nat(), fc.nat(), (plan, chosen, which) => {
      const operations = execute(plan);
      const one = operations[chosen % Math.max(1, operations.length)];
      const wrong = one?.answer ? spoiled(one.answer, which) : null;
      const others = operations.map((it) => (it === one && wrong ? { ...it, answer: wrong } : it));
      const { kind } = verdictOf(plan, others);
      said[kind] += 1;
      expect(kind).toBe(isExplained(historyOf(plan, others)) ? "explained" : "unexplained");
    });
    fc.assert(property, { numRuns: SHORT_PLANS, seed: seed() });
    expect(said.explained).toBeGreaterThan(SHORT_PLANS / 10);
    expect(said.unexplained).toBeGreaterThan(SHORT_PLANS / 10);
  },
  TEST_MS_MAX,
);
