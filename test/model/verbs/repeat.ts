/**
 * An earlier command with an Idempotency-Key once more, as a caller sends it who lost the answer; or
 * another request under that key, which must be refused wherever the first one did something.
 */
import * as fc from "fast-check";
import { fromEnd, seldom, type Attempt, type Plan, type Scene } from "#model/plan";

const choices = {
  back: fc.nat({ max: 63 }),
  /** null: one that did something, of some verb, and not merely of those that are sent most. */
  isAny: seldom(4, fc.constant(true)),
  isOther: seldom(2, fc.constant(true)),
};

export const repeats = (): fc.Arbitrary<Plan> => repeatsOf(choices);

/** Of the command that came last. */
export const repeatsOfLast = (): fc.Arbitrary<Plan> =>
  repeatsOf({ ...choices, back: fc.constant(0) });

const repeatsOf = (chosen: typeof choices): fc.Arbitrary<Plan> =>
  fc.record(chosen).map((choice) => {
    const { back, isAny, isOther } = choice;
    const told = `repeat ${JSON.stringify(choice)}`;
    return {
      verb: "repeat",
      toString: () => told,
      prepare(scene) {
        // What came of a claimed SKU is no longer what it was.
        const all = scene.keyed.filter(({ told: first }) => !first.startsWith("initialize"));
        const some = isAny === null ? lastOfEach(scene, all) : [];
        const earlier = fromEnd(some.length > 0 ? some : all, back);
        const sent = isOther === true ? earlier?.otherwise(scene) : earlier;
        return sent ? { ...sent, told: `${told}: ${sent.told}` } : null;
      },
    };
  });

/** Of each verb the last one whose key is kept, in the order in which they were sent. */
function lastOfEach({ worlds }: Scene, all: readonly Attempt[]): readonly Attempt[] {
  const verbs = new Set<string>();
  const isLastOfKept = ({ told, operation }: Attempt): boolean => {
    const [verb = ""] = told.split(" ");
    if (verbs.has(verb) || operation === null) return false;
    if (!worlds.some(({ operations }) => operations.has(operation.key))) return false;
    verbs.add(verb);
    return true;
  };
  return all.toReversed().filter(isLastOfKept).toReversed();
}
