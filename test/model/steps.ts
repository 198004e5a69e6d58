/** What a run does, step by step, as a generator chooses it. */
import * as fc from "fast-check";
import { jumps, SETTLE } from "#model/clock";
import {
  gathersMost,
  keepsWhatItHas,
  MANY_LOCATIONS,
  startsShort,
  throngs,
  throughCampaign,
  tooFull,
  tooLate,
  tooMany,
  tooMuch,
  waitsAndGets,
  waitsAndLeaves,
} from "#model/directed";
import { COPIES, sendCopies, type Copy } from "#model/late-copies";
import type { Plan, Shape } from "#model/plan";
import { step } from "#model/run";
import { alone, several, turn, type Step } from "#model/turns";
import { adjusts, restocksAt } from "#model/verbs/adjust";
import { amends } from "#model/verbs/amend";
import { removals, schedules, stops, turnings } from "#model/verbs/campaigns";
import { counts } from "#model/verbs/count";
import { cancels, confirms } from "#model/verbs/end";
import { expires } from "#model/verbs/expire";
import { extensions } from "#model/verbs/extend";
import { initializes, initializesOf } from "#model/verbs/initialize";
import { limitPuts, limitRemovals } from "#model/verbs/limits";
import { locationAmendments, registrations } from "#model/verbs/locations";
import { offers } from "#model/verbs/offer";
import { reassigns } from "#model/verbs/reassign";
import { repeats } from "#model/verbs/repeat";
import { reserves } from "#model/verbs/reserve";
import { returns } from "#model/verbs/return";
import { sells } from "#model/verbs/sell";
import { transfers } from "#model/verbs/transfer";
import { joins, leaves } from "#model/verbs/waitlist";

/**
 * Every verb that changes something, and how often it is chosen among the others: the more often, the more
 * answers it has that only a certain state brings about, such as a quota that is used up.
 */
const VERBS: readonly { weight: number; plans: (shape: Shape) => fc.Arbitrary<Plan> }[] = [
  { weight: 30, plans: reserves },
  { weight: 20, plans: confirms },
  { weight: 14, plans: cancels },
  { weight: 26, plans: extensions },
  { weight: 22, plans: reassigns },
  { weight: 14, plans: adjusts },
  { weight: 20, plans: sells },
  { weight: 20, plans: returns },
  { weight: 24, plans: transfers },
  { weight: 14, plans: counts },
  { weight: 6, plans: registrations },
  { weight: 18, plans: locationAmendments },
  { weight: 24, plans: limitPuts },
  { weight: 26, plans: limitRemovals },
  { weight: 10, plans: amends },
  { weight: 14, plans: initializes },
  { weight: 10, plans: expires },
  { weight: 26, plans: joins },
  { weight: 18, plans: leaves },
  { weight: 16, plans: offers },
  { weight: 60, plans: repeats },
  { weight: 20, plans: schedules },
  { weight: 20, plans: stops },
  { weight: 18, plans: removals },
  { weight: 8, plans: turnings },
];

/**
 * How a run begins: most of its products are made, each with a stock of its own, and perhaps a
 * location or two are registered.
 */
export function beginnings(shape: Shape): fc.Arbitrary<Step[]> {
  const made = Array.from({ length: shape.products - 1 }, (_, i) =>
    initializesOf(shape, fc.constant(i)),
  );
  const everywhere = shape.locations > MANY_LOCATIONS ? MANY_LOCATIONS - 1 : 0;
  const restocked = Array.from({ length: everywhere }, (_, i) => restocksAt(i));
  return fc
    .tuple(fc.tuple(...made), fc.tuple(...restocked), fc.array(registrations(), { maxLength: 2 }))
    .map((all) => all.filter((plans) => plans.length > 0).map(turn));
}

/**
 * Many commands of one turn say as much as many turns of one, and are compared once; what brings about a rare
 * answer comes as often as a run needs to hear it.
 */
export function steps(shape: Shape): fc.Arbitrary<Step> {
  const verbs = VERBS.map(({ weight, plans }) => ({ weight, arbitrary: plans(shape) }));
  const any = fc.oneof(...verbs);
  const bursts = verbs.map(({ weight, arbitrary }) => {
    return { weight, arbitrary: several(arbitrary, shape) };
  });
  return fc.oneof(
    { weight: 20, arbitrary: any.map(alone) },
    { weight: shape.isRich ? 30 : 14, arbitrary: fc.oneof(...bursts).map(turn) },
    { weight: 20, arbitrary: several(any, shape).map(turn) },
    { weight: 10, arbitrary: jumps },
    { weight: 14, arbitrary: copies },
    { weight: 9, arbitrary: tooLate(shape) },
    { weight: 5, arbitrary: tooMuch },
    { weight: 7, arbitrary: gathersMost(shape) },
    { weight: 2, arbitrary: startsShort(shape) },
    { weight: 8, arbitrary: waitsAndGets(shape) },
    { weight: 3, arbitrary: waitsAndLeaves(shape) },
    { weight: 3, arbitrary: throughCampaign(shape) },
    { weight: 4, arbitrary: keepsWhatItHas(shape) },
    { weight: 1, arbitrary: several(any, shape).map(tooSlow) },
    ...(shape.locations > MANY_LOCATIONS ? [{ weight: 6, arbitrary: tooMany(shape) }] : []),
    ...(shape.isRich ? [{ weight: 40, arbitrary: throngs(shape) }] : []),
    ...(shape.journalEntriesMax < 1_000
      ? [
          { weight: 1, arbitrary: fc.constant(SETTLE) },
          { weight: 6, arbitrary: tooFull(shape) },
        ]
      : []),
  );
}

/** Four kinds of copies are answered `stale`; these have an answer of their own, which is to be heard as often. */
const SCARCE: readonly Copy[] = ["late", "late", "late", "full"];
const copies: fc.Arbitrary<Step> = fc.constantFrom(...COPIES, ...SCARCE).map((copy) => {
  return { take: (run) => sendCopies(run, copy), toString: () => `\ncopies: ${copy}` };
});

/** When a command is given up, where that is forced: far below what Redis is then away for. */
const GIVEN_UP_MS = 5;
/** Longer than any step; Redis is woken before. */
const ASLEEP_MS = 60_000;

/**
 * Redis writes nothing until commands were given up. Their batches are sent again when the first
 * copies have run after all.
 */
function tooSlow(plans: readonly Plan[]): Step {
  const told = "Redis is too slow for";
  return {
    async take(run) {
      run.told.push(told);
      await run.redis.client("PAUSE", ASLEEP_MS, "WRITE");
      const { lost, calm } = run.tap.hurry(GIVEN_UP_MS);
      try {
        const done = step(run, plans);
        await Promise.race([lost, Promise.allSettled([done])]);
        await run.redis.client("UNPAUSE");
        calm();
        await done;
      } finally {
        calm();
        await run.redis.client("UNPAUSE");
      }
    },
    toString: () => `\n${told} [${plans.map(String).join("\n + ")}]`,
  };
}
