/** The simulation can fail: with a bug in the code some run does. */
import { describe, expect, test } from "bun:test";
import { evidence } from "#test/evidence";
import { isLong, seed } from "#test/scale";
import { BUGS, simulateBug } from "./bugs.ts";

const SHORT = 2;
/** The rarest needs some hundred. */
const RUNS_MAX = 2_000;
const TEST_MS_MAX = 240_000;

describe("with this bug a run of the simulation fails:", () => {
  test.each(isLong ? BUGS : BUGS.slice(0, SHORT))(
    "%s",
    async (bug) => {
      const first = seed();
      const { failure, runs } = await simulateBug(bug, first, RUNS_MAX);
      expect(failure).not.toBeNull();
      evidence(`seeded bug found by the simulation: ${bug}`, { runs, "from seed": first });
    },
    TEST_MS_MAX,
  );
});
