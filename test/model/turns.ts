/** What steps are made of: commands of one turn of the event loop, and turns that follow one another. */
import * as fc from "fast-check";
import type { Plan, Shape } from "#model/plan";
import { step, type Run } from "#model/run";

/** One step; `take` does it on a run and compares. */
export interface Step {
  readonly take: (run: Run) => Promise<void>;
  readonly toString: () => string;
}

/** In a rich world nearly as many as a batch takes, so that they reach what one call may do. */
export const several = (plan: fc.Arbitrary<Plan>, { burst, isRich }: Shape): fc.Arbitrary<Plan[]> =>
  fc.array(plan, { minLength: isRich ? burst - 8 : 1, maxLength: burst, size: "max" });

/** Commands of one turn of the event loop: those of one verb share a batch. */
export function turn(plans: readonly Plan[]): Step {
  return {
    take: (run) => step(run, plans),
    toString: () => `\n[${plans.map(String).join("\n + ")}]`,
  };
}

/** Alone in its turn. */
export const alone = (plan: Plan): Step => turn([plan]);

/** One after the other. */
export function chain(steps: readonly Step[]): Step {
  return {
    async take(run) {
      for (const one of steps) await one.take(run);
    },
    toString: () => steps.map(String).join(", then"),
  };
}
