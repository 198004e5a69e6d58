/** Steps that bring about what random commands hardly ever do: each is random in what it asks for. */
import * as fc from "fast-check";
import { clockGoes, SETTLE } from "#model/clock";
import { productNumbers, type Plan, type Shape } from "#model/plan";
import { alone, chain, several, turn, type Step } from "#model/turns";
import { fillings, restocksAt, restocksOf } from "#model/verbs/adjust";
import { removals, schedules, schedulesTooMuch, stops, turnings } from "#model/verbs/campaigns";
import { countsAt } from "#model/verbs/count";
import { cancels, confirms, reacquires } from "#model/verbs/end";
import { expires } from "#model/verbs/expire";
import { extensions } from "#model/verbs/extend";
import { offers } from "#model/verbs/offer";
import { gathers, reassigns } from "#model/verbs/reassign";
import { repeatsOfLast } from "#model/verbs/repeat";
import { asksForMore, reserves, takesOver } from "#model/verbs/reserve";
import { overflows } from "#model/verbs/transfer";
import { joins, leaves } from "#model/verbs/waitlist";

/** Each plan alone in its turn, one after the other. */
const inTurn = (plans: readonly Plan[]): Step => chain(plans.map(alone));

/** One who gives units to an owner who has so many, and one who asks for more than there is. */
export const gathersMost = (shape: Shape): fc.Arbitrary<Step> => gathers(shape).map(inTurn);
export const keepsWhatItHas = (shape: Shape): fc.Arbitrary<Step> => asksForMore(shape).map(inTurn);

/**
 * As many large carts as a batch takes are reserved, and then extended and given away, or only one of it, and
 * at last confirmed or cancelled.
 */
export function throngs(shape: Shape): fc.Arbitrary<Step> {
  const many = (plans: (of: Shape) => fc.Arbitrary<Plan>) => several(plans(shape), shape).map(turn);
  const changes = fc
    .tuple(many(extensions), many(reassigns))
    .chain((both) => fc.subarray(both, { minLength: 1 }));
  return fc
    .tuple(many(reserves), changes, fc.oneof(many(confirms), many(cancels)))
    .map(([first, later, last]) => chain([first, ...later, last]));
}

/** A hold expires, another owner takes what it had, and then its own comes to confirm it. */
export const tooLate = (shape: Shape): fc.Arbitrary<Step> =>
  fc
    .tuple(
      fc.constant(clockGoes("due")),
      expires().map(alone),
      takesOver(shape).map(alone),
      fc.constantFrom(0, 1_000).map(clockGoes),
      reacquires(shape).map(alone),
    )
    .map(chain);

/** A campaign starts short, at a moment until which nobody looked for what is due. */
export const startsShort = (shape: Shape): fc.Arbitrary<Step> =>
  fc
    .tuple(schedulesTooMuch(shape).map(alone), fc.constant(clockGoes(1_000)), turnings().map(alone))
    .map(chain);

/** The journal fills up while a hold expires: who would have it sold after all is told to wait. */
export function tooFull(shape: Shape): fc.Arbitrary<Step> {
  const restocks = Array.from({ length: shape.journalEntriesMax }, () => restocksAt(0));
  return fc
    .tuple(
      fc.constant(SETTLE),
      reserves(shape).map(alone),
      fc.tuple(...restocks).map(turn),
      fc.constant(clockGoes("due")),
      expires().map(alone),
      reacquires(shape).map(alone),
    )
    .map(chain);
}

/** A level is filled up to what it may hold, and more is brought there from another. */
export const tooMuch: fc.Arbitrary<Step> = fc
  .tuple(fillings("there"), fillings("beside it"), overflows())
  .map(inTurn);

/** From so many locations on a run begins with a product that is nearly everywhere. */
export const MANY_LOCATIONS = 64;

/** Something is found at the last locations, more of them than a product may have. */
export const tooMany = ({ locations }: Shape): fc.Arbitrary<Step> =>
  fc
    .tuple(
      ...Array.from({ length: locations - MANY_LOCATIONS }, (_, i) => countsAt(locations - 1 - i)),
    )
    .map(turn);

/** Some ask for more of a product than is free, then units come, and those who wait have them. */
export const waitsAndGets = (shape: Shape): fc.Arbitrary<Step> =>
  productNumbers(shape).chain((product) =>
    fc
      .tuple(
        waits(shape, product),
        restocksOf(product, null, fc.constantFrom(1, 1, 50)).map(alone),
        fc.constantFrom(0, 1_000, 1_000).map(clockGoes),
        offers().map(alone),
      )
      .map(chain),
  );

/** Some do so, then one of them leaves, and asks again for that, or with that key for something else. */
export const waitsAndLeaves = (shape: Shape): fc.Arbitrary<Step> =>
  productNumbers(shape)
    .chain((product) =>
      fc.tuple(
        waits(shape, product),
        leaves(shape, { isWaiting: fc.constant(true) }).map(alone),
        fc.tuple(repeatsOfLast(), repeatsOfLast()).map(turn),
      ),
    )
    .map(chain);

const waits = (shape: Shape, product: number): fc.Arbitrary<Step> => {
  const wait = joins(shape, {
    product: fc.constant(product),
    isMore: fc.constant(true),
    like: fc.constant(null),
  });
  return fc.array(wait, { minLength: 1, maxLength: 3 }).map(turn);
};

/**
 * A campaign is planned, and somebody asks for its units: too early, when it has begun, when it is stopped;
 * some of that alone may happen. Then it is removed, be it that it cannot be yet.
 */
export function throughCampaign(shape: Shape): fc.Arbitrary<Step> {
  const planned = schedules(shape, {
    known: fc.constant(null),
    isStrange: fc.constant(null),
    isPast: fc.constant(null),
    starts: fc.constant(1_000),
    lasts: fc.constantFrom(1_000, 100_000),
  }).map(alone);
  const asked = reserves(shape, {
    campaign: fc.constant(0),
    seconds: fc.constantFrom(1, 60),
    adds: fc.constant(null),
  }).map(alone);
  const goesOn = fc.constant(clockGoes(1_000));
  return fc
    .tuple(
      planned,
      fc
        .tuple(asked, goesOn, asked, stops().map(alone), asked, goesOn, removals().map(alone))
        .chain((later) => fc.subarray(later, { minLength: 2 })),
    )
    .map(([first, later]) => chain([first, ...later]));
}
