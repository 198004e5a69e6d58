import { expect, test } from "bun:test";
import { evidence } from "#test/evidence";
import { counted, isLong, seed } from "#test/scale";
import { bounded, planOf, possibleOf } from "#faults/plan";
import { memoryJudged, wordsOf, type GaugeName } from "#faults/soak/judge";
import { FAULTS, soak } from "#faults/soak/soak";

const FOR_MS = 30 * 60_000;
/** As many as fit into twenty seconds, with what is looked at behind each. */
const TIMES = counted(2, Infinity);
const EVERY_MS = counted(3_000, 60_000);
const TEST_MS_MAX = counted(120_000, 60 * 60_000);
const CHOSEN = FAULTS.filter(({ isSlow }) => isLong || isSlow !== true);
const JUDGED: readonly GaugeName[] = ["descriptors", "data", "keys", "few keys", "journal", "lag"];

test(
  // In seconds no memory is warm, and hardly anything can have grown beyond what comes and goes.
  isLong
    ? "under a mixed load with a fault now and then memory, descriptors, keys and lag stay flat"
    : "the soak runs, measures and judges: a smoke run, too short to find what grows slowly",
  async () => {
    const first = seed();
    const startedAt = performance.now();
    const isTime = (): boolean => performance.now() - startedAt + EVERY_MS <= FOR_MS;
    const say = (line: string): void => console.log(line);
    const faults = possibleOf(CHOSEN, say);
    const steps = bounded(planOf(faults, first), TIMES, isTime);
    const { lived, verdicts, unjudged } = await soak(steps, {
      faults,
      everyMs: EVERY_MS,
      say,
      again:
        `HOLDFAST_TEST_SEED=${first} ${isLong ? "HOLDFAST_TEST_LONG=1 " : ""}` +
        "bun test test/faults/soak/soak.test.ts",
    });
    const minutes = (performance.now() - startedAt) / 60_000;
    for (const verdict of verdicts) say(wordsOf(verdict));
    expect(verdicts.filter(({ isFlat }) => !isFlat)).toEqual([]);
    const judged = new Map(
      JUDGED.map((gauge) => [
        `series of ${gauge}`,
        verdicts.filter((verdict) => verdict.gauge === gauge).length,
      ]),
    );
    // Memory is warm after some minutes only.
    for (const [role, count] of Object.entries(memoryJudged(verdicts))) {
      if (isLong) judged.set(`series of memory of ${role}`, count);
    }
    expect([...judged].filter(([, count]) => count === 0)).toEqual([]);
    evidence("an installation under load, with fault after fault, does not grow (soak)", {
      seed: first,
      minutes: minutes.toFixed(1),
      faults: lived.length,
      acknowledged: lived.reduce((sum, one) => sum + one.acknowledged, 0),
      ...Object.fromEntries(judged),
      "too short to judge": unjudged,
    });
  },
  TEST_MS_MAX,
);
