/** An earlier command with an Idempotency-Key once more, as a caller sends it who lost the answer. */
import * as fc from "fast-check";
import { fromEnd, type Plan } from "#model/plan";

export const repeats = (): fc.Arbitrary<Plan> =>
  fc.nat({ max: 15 }).map((index) => {
    const told = `repeat ${JSON.stringify({ back: index })}`;
    return {
      verb: "repeat",
      toString: () => told,
      prepare({ keyed }) {
        // What came of a claimed SKU is no longer what it was.
        const all = keyed.filter(({ told: first }) => !first.startsWith("initialize"));
        const earlier = all.length > 0 ? fromEnd(all, index) : undefined;
        return earlier ? { ...earlier, told: `${told}: ${earlier.told}` } : null;
      },
    };
  });
