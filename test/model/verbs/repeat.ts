/**
 * An earlier command with an Idempotency-Key once more, as a caller sends it who lost the answer; or
 * another request under that key, which must be refused wherever the first one did something.
 */
import * as fc from "fast-check";
import { fromEnd, seldom, type Plan } from "#model/plan";

const choices = fc.record({ back: fc.nat({ max: 15 }), isOther: seldom(3, fc.constant(true)) });

export const repeats = (): fc.Arbitrary<Plan> =>
  choices.map(({ back, isOther }) => {
    const told = `repeat ${JSON.stringify({ back, isOther })}`;
    return {
      verb: "repeat",
      toString: () => told,
      prepare(scene) {
        const { keyed } = scene;
        // What came of a claimed SKU is no longer what it was.
        const all = keyed.filter(({ told: first }) => !first.startsWith("initialize"));
        const earlier = all.length > 0 ? fromEnd(all, back) : undefined;
        const sent = isOther === true ? earlier?.otherwise(scene) : earlier;
        return sent ? { ...sent, told: `${told}: ${sent.told}` } : null;
      },
    };
  });
