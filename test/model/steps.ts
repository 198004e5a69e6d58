/** What a run does, step by step, as a generator chooses it. */
import * as fc from "fast-check";
import { metaKey } from "#redis/keys";
import { loadScript, runScript } from "#redis/script";
import { same } from "#model/same";
import { COPIES, sendCopies, type Copy } from "#model/late-copies";
import { holdsOf, type Plan, type Shape } from "#model/plan";
import { step, type Run } from "#model/run";
import { adjusts, fillings, restocksAt } from "#model/verbs/adjust";
import { amends } from "#model/verbs/amend";
import { removals, schedules, schedulesTooMuch, stops, turnings } from "#model/verbs/campaigns";
import { counts, countsAt } from "#model/verbs/count";
import { cancels, confirms, reacquires } from "#model/verbs/end";
import { expires } from "#model/verbs/expire";
import { extensions } from "#model/verbs/extend";
import { gathers, reassigns } from "#model/verbs/reassign";
import { repeats } from "#model/verbs/repeat";
import { offers } from "#model/verbs/offer";
import { joins, leaves } from "#model/verbs/waitlist";
import { initializes, initializesOf } from "#model/verbs/initialize";
import { limitPuts, limitRemovals } from "#model/verbs/limits";
import { locationAmendments, registrations } from "#model/verbs/locations";
import { overflows, transfers } from "#model/verbs/transfer";
import { returns } from "#model/verbs/return";
import { sells } from "#model/verbs/sell";
import { asksForMore, reserves, takesOver } from "#model/verbs/reserve";
import { isLive, seqOf } from "#model/world";

/**
 * Every verb that changes something, and how often it is chosen among the others: the more often, the more
 * answers it has that only a certain state brings about, such as a quota that is used up.
 */
const VERBS: readonly { weight: number; plans: (shape: Shape) => fc.Arbitrary<Plan> }[] = [
  { weight: 30, plans: reserves },
  { weight: 16, plans: confirms },
  { weight: 14, plans: cancels },
  { weight: 18, plans: extensions },
  { weight: 18, plans: reassigns },
  { weight: 14, plans: adjusts },
  { weight: 14, plans: sells },
  { weight: 14, plans: returns },
  { weight: 11, plans: transfers },
  { weight: 8, plans: counts },
  { weight: 6, plans: registrations },
  { weight: 7, plans: locationAmendments },
  { weight: 12, plans: limitPuts },
  { weight: 16, plans: limitRemovals },
  { weight: 10, plans: amends },
  { weight: 8, plans: initializes },
  { weight: 10, plans: expires },
  { weight: 20, plans: joins },
  { weight: 18, plans: leaves },
  { weight: 16, plans: offers },
  { weight: 15, plans: repeats },
  { weight: 20, plans: schedules },
  { weight: 20, plans: stops },
  { weight: 18, plans: removals },
  { weight: 8, plans: turnings },
];

/** One step; `take` does it on a run and compares. */
export interface Step {
  readonly take: (run: Run) => Promise<void>;
  readonly toString: () => string;
}

/** Locations from which on a run begins with a product that is nearly everywhere. */
const MANY_LOCATIONS = 64;

/**
 * How a run begins: most of its products are made, each with a stock of its own, and perhaps a
 * location is registered.
 */
export function beginnings(shape: Shape): fc.Arbitrary<Step[]> {
  const made = Array.from({ length: shape.products - 1 }, (_, i) =>
    initializesOf(shape, fc.constant(i)),
  );
  const everywhere = shape.locations > MANY_LOCATIONS ? MANY_LOCATIONS - 1 : 0;
  const restocked = Array.from({ length: everywhere }, (_, i) => restocksAt(i));
  return fc
    .tuple(fc.tuple(...made), fc.tuple(...restocked), fc.array(registrations(), { maxLength: 1 }))
    .map((all) => all.filter((plans) => plans.length > 0).map(turn));
}

/** Half are single commands; what brings about a rare answer comes as often as a run needs to hear it. */
export function steps(shape: Shape): fc.Arbitrary<Step> {
  const verbs = VERBS.map(({ weight, plans }) => ({ weight, arbitrary: plans(shape) }));
  const any = fc.oneof(...verbs);
  const bursts = verbs.map(({ weight, arbitrary }) => {
    return { weight, arbitrary: several(arbitrary, shape) };
  });
  return fc.oneof(
    { weight: 50, arbitrary: any.map((plan) => turn([plan])) },
    { weight: shape.isRich ? 30 : 14, arbitrary: fc.oneof(...bursts).map(turn) },
    { weight: 6, arbitrary: several(any, shape).map(turn) },
    { weight: 10, arbitrary: jumps },
    { weight: 8, arbitrary: tooLate(shape) },
    { weight: 8, arbitrary: tooMuch },
    { weight: 5, arbitrary: gathers(shape).map(inTurn) },
    { weight: 4, arbitrary: startsShort(shape) },
    { weight: 3, arbitrary: asksForMore(shape).map(inTurn) },
    { weight: 10, arbitrary: copies },
    { weight: 1, arbitrary: several(any, shape).map(tooSlow) },
    ...(shape.locations > MANY_LOCATIONS ? [{ weight: 6, arbitrary: tooMany(shape) }] : []),
    ...(shape.isRich ? [{ weight: 24, arbitrary: throngs(shape) }] : []),
    ...(shape.journalEntriesMax < 1_000
      ? [
          { weight: 1, arbitrary: settles },
          { weight: 4, arbitrary: tooFull(shape) },
        ]
      : []),
  );
}

/** In a rich world nearly as many as a batch takes, so that they reach what one call may do. */
const several = (plan: fc.Arbitrary<Plan>, { burst, isRich }: Shape): fc.Arbitrary<Plan[]> =>
  fc.array(plan, { minLength: isRich ? burst - 8 : 1, maxLength: burst, size: "max" });

/** Commands of one turn of the event loop: those of one verb share a batch. */
function turn(plans: readonly Plan[]): Step {
  return {
    take: (run) => step(run, plans),
    toString: () => `\n[${plans.map(String).join("\n + ")}]`,
  };
}

/** One after the other. */
const inTurn = (plans: readonly Plan[]): Step => inTurns(plans.map((plan) => [plan]));

function inTurns(turns: readonly (readonly Plan[])[]): Step {
  return {
    async take(run) {
      for (const plans of turns) await step(run, plans);
    },
    toString: () => `\n${turns.map((plans) => plans.map(String).join("\n + ")).join("\n, then ")}`,
  };
}

/** As many large carts as a batch takes are reserved, and then confirmed, cancelled, extended or given away at once. */
function throngs(shape: Shape): fc.Arbitrary<Step> {
  const ends = [confirms, cancels, extensions, reassigns].map((plans) =>
    several(plans(shape), shape),
  );
  return fc.tuple(several(reserves(shape), shape), fc.oneof(...ends)).map(inTurns);
}

/** Four kinds of copies are answered `stale`; these have an answer of their own, which is to be heard as often. */
const SCARCE: readonly Copy[] = ["late", "late", "late", "full"];
const copies: fc.Arbitrary<Step> = fc.constantFrom(...COPIES, ...SCARCE).map((copy) => {
  return { take: (run) => sendCopies(run, copy), toString: () => `\ncopies: ${copy}` };
});

/** Where the clock goes: to the moment at which the next hold is due, just before it, or ahead. */
const jumps: fc.Arbitrary<Step> = fc
  .oneof(
    { weight: 3, arbitrary: fc.constantFrom("due", "just before due", "just after due") },
    { weight: 1, arbitrary: fc.constantFrom(1, 999, 1_000, 60_000, 900_000, 90_000_000) },
  )
  .map((to) => {
    const told = `the clock goes ${typeof to === "number" ? `on ${to} ms` : `to ${to}`}`;
    return { take: (run) => jump(run, to, told), toString: () => `\n${told}` };
  });

/** Sets the scripts' clock forward, where it stands until Redis's own has passed it. */
async function jump(run: Run, to: string | number, told: string): Promise<void> {
  run.told.push(told);
  const dues = holdsOf(run).flatMap(({ hold }) =>
    isLive(hold) && hold.dueSecond !== null ? hold.dueSecond * 1_000 : [],
  );
  const now = Math.max(...run.worlds.map(({ lastNow }) => Math.max(lastNow, run.seenAt)));
  const turning = run.worlds
    .flatMap(({ campaigns }) => [...campaigns.values()])
    .flatMap(({ startsAt, endsAt }) => [startsAt, endsAt].filter((at) => at > now));
  const next = Math.min(...dues, ...turning);
  for (const world of run.worlds) {
    const own = Math.max(world.lastNow, run.seenAt);
    const offset = to === "just before due" ? -1 : to === "just after due" ? 1 : 0;
    const moment = typeof to === "number" ? own + to : next + offset;
    if (!Number.isFinite(moment) || moment <= own) continue;
    world.lastNow = moment;
    await run.redis.hset(metaKey(world.partition), "lastNow", String(moment));
  }
}

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

/** A hold expires, another owner takes what it had, and then its own comes to confirm it. */
function tooLate(shape: Shape): fc.Arbitrary<Step> {
  const choices = fc.tuple(
    expires(),
    takesOver(shape),
    fc.constantFrom(0, 1_000),
    reacquires(shape),
  );
  return choices.map(([expire, takeOver, ms, confirm]) => {
    const told = ["the clock goes to due", expire, takeOver, `it goes on ${ms} ms`, confirm];
    return {
      async take(run) {
        await jump(run, "due", "the clock goes to due");
        await step(run, [expire]);
        await step(run, [takeOver]);
        await jump(run, ms, `the clock goes on ${ms} ms`);
        await step(run, [confirm]);
      },
      toString: () => `\n${told.map(String).join("\n, then ")}`,
    };
  });
}

/** A campaign starts short, at a moment until which nobody looked for what is due. */
const startsShort = (shape: Shape): fc.Arbitrary<Step> =>
  fc.tuple(schedulesTooMuch(shape), turnings()).map(([plan, turning]) => {
    return {
      async take(run) {
        await step(run, [plan]);
        await jump(run, 1_000, "the clock goes on 1000 ms");
        await step(run, [turning]);
      },
      toString: () => `\n${String(plan)}\n, then a second later ${String(turning)}`,
    };
  });

/** The journal fills up while a hold expires: who would have it sold after all is told to wait. */
function tooFull(shape: Shape): fc.Arbitrary<Step> {
  const restocks = Array.from({ length: shape.journalEntriesMax }, () => restocksAt(0));
  return fc
    .tuple(reserves(shape), fc.tuple(...restocks), expires(), reacquires(shape))
    .map(([reserve, fill, expire, confirm]) => {
      const told = ["settle", reserve, `${fill.length} restocks`, expire, confirm];
      return {
        async take(run) {
          await settle(run);
          await step(run, [reserve]);
          await step(run, fill);
          await jump(run, "due", "the clock goes to due");
          await step(run, [expire]);
          await step(run, [confirm]);
        },
        toString: () => `\n${told.map(String).join("\n, then ")}`,
      };
    });
}

/** A level is filled up to what it may hold, and more is brought there from another. */
const tooMuch: fc.Arbitrary<Step> = fc
  .tuple(fillings("there"), fillings("beside it"), overflows())
  .map(inTurn);

/** Something is found at the last locations, more of them than a product may have. */
const tooMany = ({ locations }: Shape): fc.Arbitrary<Step> =>
  fc
    .tuple(
      ...Array.from({ length: locations - MANY_LOCATIONS }, (_, i) => countsAt(locations - 1 - i)),
    )
    .map(turn);

/** The ledger has caught up: a full journal has room again. */
const settles: fc.Arbitrary<Step> = fc.constant({
  take: settle,
  toString: () => "\nsettle",
});

async function settle(run: Run): Promise<void> {
  run.told.push("settle");
  for (const world of run.worlds) {
    const meta = run.metas[world.partition] ?? {};
    const args = [meta["storeId"] ?? "", String(world.epoch), String(seqOf(world)), "1000000"];
    const script = loadScript("journal/settle.lua");
    const key = metaKey(world.partition);
    same("settle", await runScript(run.redis, script, key, [...args, "appended"]), "settled");
    world.drained = seqOf(world);
  }
}
