import { expect, test } from "bun:test";
import { evidence } from "#test/evidence";
import { counted, seed } from "#test/scale";
import { bounded, planOf } from "#faults/plan";
import { wordsOf } from "#faults/soak/judge";
import { FAULTS, soak } from "#faults/soak/soak";

const FOR_MS = counted(20_000, 30 * 60_000);
/** In twenty seconds there is time for two or three, one after the other. */
const EVERY_MS = counted(5_000, 60_000);
const TEST_MS_MAX = counted(120_000, 60 * 60_000);
/** Half a minute each: not in twenty seconds. */
const QUICK = FAULTS.filter(({ isSlow }) => isSlow !== true);

test(
  "under a mixed load with a fault now and then memory, descriptors, keys and lag stay flat",
  async () => {
    const first = seed();
    const endAt = performance.now() + FOR_MS;
    const isTime = (): boolean => performance.now() + EVERY_MS <= endAt;
    const steps = bounded(planOf(counted(0, 1) === 0 ? QUICK : FAULTS, first), Infinity, isTime);
    const say = (line: string): void => console.log(line);
    const { lived, verdicts, unjudged } = await soak(steps, { everyMs: EVERY_MS, say });
    for (const verdict of verdicts) say(wordsOf(verdict));
    expect(verdicts.filter(({ isFlat }) => !isFlat)).toEqual([]);
    const judged = (gauge: string): number =>
      verdicts.filter((verdict) => verdict.gauge === gauge).length;
    expect(judged("descriptors")).toBeGreaterThan(0);
    expect(judged("lag")).toBeGreaterThan(0);
    evidence("memory, descriptors, keys and lag stay flat under load, with a fault a minute", {
      minutes: FOR_MS / 60_000,
      seed: first,
      faults: lived.length,
      acknowledged: lived.reduce((sum, one) => sum + one.acknowledged, 0),
      ...Object.fromEntries(
        ["memory", "descriptors", "data", "keys", "lag"].map((name) => [
          `series of ${name}`,
          judged(name),
        ]),
      ),
      "too short to judge": unjudged,
    });
  },
  TEST_MS_MAX,
);
