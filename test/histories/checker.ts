/**
 * Whether a history of one product can be explained: whether there is an order of its operations, each
 * at one moment between its invoke and its return, in which a product that does one thing after the
 * other gives these answers (linearizability; Wing and Gong 1993, and in this form Lowe 2017).
 *
 * It walks through the invokes and returns in the order of time, with all configurations that are
 * possible: a state, and those of the open operations that took effect already. An invoke opens an
 * operation. At a return its operation must have taken effect: whatever open operations, and expiries,
 * may have come before it are tried in every order, and only configurations remain in which it has.
 * None remains: the history cannot be explained. An operation whose outcome nobody knows stays open to
 * the end; it may take effect at any time, or never.
 *
 * Not tried again is what would explain nothing more: a configuration that was seen, or one that allows
 * less (`Configurations`); other ways where an answer is there already and changes nothing; what nobody
 * heard of, where it could as well come behind the next operation (`couldWait`).
 *
 * Products do not touch one another but by carts and bulk calls, whose parts are checked each for its
 * product: that a cart takes all of its products at one moment is not checked here.
 */
import { agreed, describe } from "./agree";
import { Configurations, type Configuration, type Unheard } from "./configurations";
import { expiries, outcomes } from "./model";
import { allowsMore, isSame, type Expected, type State } from "./state";
import { textOf, type Operation } from "./operations";

/** Of one history of one product. A history that needs more counts as failed, never as explained. */
export const STATES_MAX = 200_000;
/** Between looks at what else there is to do. */
const STEPS_AT_ONCE = 64;
/** Of what was possible instead of an answer: enough to see what is wrong. */
const SHOWN_MAX = 8;

/** Redis's time at a moment of the process that asks: at the earliest, at the latest. */
export interface Clock {
  readonly earliest: (at: number) => number;
  readonly latest: (at: number) => number;
}

export interface History {
  readonly initial: State;
  readonly operations: readonly Operation[];
  readonly clock: Clock;
}

export type Verdict =
  | { readonly kind: "explained"; readonly states: number }
  | {
      readonly kind: "unexplained";
      readonly states: number;
      /** The operation whose answer cannot be. */
      readonly operation: Operation;
      /** What it could have been answered. */
      readonly possible: readonly string[];
      /** All since nothing was under way and one state was possible, up to that return. */
      readonly window: readonly Operation[];
      /** Where the window begins. */
      readonly from: string;
    }
  | { readonly kind: "too_many_states"; readonly states: number; readonly operation: Operation };

interface Event {
  readonly at: number;
  readonly operation: Operation;
  readonly isReturn: boolean;
}

export function check(history: History, statesMax = STATES_MAX): Verdict {
  const search = explain(history, statesMax);
  for (;;) {
    const { done, value } = search.next();
    if (done === true) return value;
  }
}

/** The same, while the process does other things too. */
export async function checkBeside(history: History): Promise<Verdict> {
  const search = explain(history, STATES_MAX);
  for (let steps = 1; ; steps += 1) {
    const { done, value } = search.next();
    if (done === true) return value;
    if (steps % STEPS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

function* explain(history: History, statesMax: number): Generator<void, Verdict, void> {
  const { clock, initial } = history;
  const open = new Set<Operation>();
  let configurations = new Configurations([{ state: initial, done: [], last: null }]);
  let states = 1;
  let calm = { since: -Infinity, state: initial };
  for (const { at, operation, isReturn } of eventsOf(history.operations)) {
    if (!isReturn) {
      open.add(operation);
      continue;
    }
    const situation = { open, clock, latest: clock.latest(at) };
    const step = yield* returned(configurations, operation, situation, statesMax - states);
    states += step.states;
    if (states >= statesMax) return { kind: "too_many_states", states, operation };
    if (step.after.size === 0) {
      const window = history.operations.filter(
        (one) => one.returnedAt > calm.since && one.invokedAt <= at,
      );
      const possible = possibleOf([...step.tried], operation);
      const from = describe(calm.state);
      return { kind: "unexplained", states, operation, possible, window, from };
    }
    configurations = step.after;
    open.delete(operation);
    const [only] = configurations.all;
    const isCalm = [...open].every(({ answer }) => answer === null);
    if (only && isCalm && configurations.size === 1) calm = { since: at, state: only.state };
  }
  return { kind: "explained", states };
}

/** In order of time; what begins when something else ends may have come before it. */
function eventsOf(operations: readonly Operation[]): Event[] {
  const invokes = operations.map((operation) => {
    return { at: operation.invokedAt, operation, isReturn: false };
  });
  const returns = operations
    .filter(({ answer }) => answer !== null)
    .map((operation) => ({ at: operation.returnedAt, operation, isReturn: true }));
  return [...invokes, ...returns].toSorted(
    (one, other) => one.at - other.at || Number(one.isReturn) - Number(other.isReturn),
  );
}

interface Situation {
  readonly open: ReadonlySet<Operation>;
  readonly clock: Clock;
  /** Redis's time when the operation had returned. */
  readonly latest: number;
}

interface Step {
  readonly after: Configurations;
  /** Those from which it was tried to go on: what it could have been answered is told by them. */
  readonly tried: readonly Outcomes[];
  readonly states: number;
}

/** The configurations in which it took effect, by all ways there are from the given ones. */
function* returned(
  before: Configurations,
  operation: Operation,
  situation: Situation,
  statesMax: number,
): Generator<void, Step, void> {
  const { open } = situation;
  const after = new Configurations([]);
  const seen = new Configurations(before.all);
  const ways = [...before.all];
  const tried: Outcomes[] = [];
  for (let way = ways.pop(); way && seen.size - before.size < statesMax; way = ways.pop()) {
    yield;
    const { state, done } = way;
    if (done.includes(operation)) {
      after.add({ state, done: done.filter((one) => one !== operation), last: null });
      continue;
    }
    const next = (configuration: Configuration): void => {
      if (seen.add(configuration)) ways.push(configuration);
    };
    const steps: Configuration[] = [];
    let quiet: Configuration | null = null;
    for (const one of open) {
      if (done.includes(one) || hasElder(one, open, done)) continue;
      if (one === operation) tried.push({ state, all: possibleIn(state, one, situation) });
      for (const to of statesAfter(state, one, situation)) {
        const isQuiet = isSame(to, state);
        // What changed nothing and was heard by nobody need not have happened.
        if (isQuiet && one.answer === null) continue;
        const again = (from: State): readonly State[] => statesAfter(from, one, situation);
        const last = one.answer === null ? { before: state, again } : null;
        if (isQuiet) quiet = { state, done: [...done, one], last: null };
        else if (!couldWait(way.last, one, to, situation)) {
          steps.push({ state: to, done: [...done, one], last });
        }
      }
    }
    if (quiet) {
      next(quiet);
      continue;
    }
    const { latest } = situation;
    for (const [hold, to] of expiries(state, latest)) {
      const again = (from: State): State[] =>
        [expiries(from, latest).get(hold)].filter((one) => one !== undefined);
      next({ state: to, done, last: { before: state, again } });
    }
    for (const one of steps) next(one);
  }
  return { after, tried, states: seen.size - before.size };
}

function windowOf(state: State, { answer, invokedAt }: Operation, { clock, latest }: Situation) {
  const since = clock.earliest(invokedAt);
  const unheardSince = answer === null ? since : null;
  return { from: Math.max(state.now, since), to: latest, unheardSince };
}

function possibleIn(state: State, one: Operation, situation: Situation): Expected[] {
  const window = windowOf(state, one, situation);
  if (window.from > window.to) return [];
  return outcomes(state, one, window).map(({ expected }) => expected);
}

/** Where the operation leads, if it is answered as it was. */
function statesAfter(state: State, one: Operation, situation: Situation): State[] {
  const window = windowOf(state, one, situation);
  if (window.from > window.to) return [];
  const { answer } = one;
  return outcomes(state, one, window)
    .map((outcome) => (answer === null ? outcome.state : agreed(outcome, one, answer)))
    .filter((to) => to !== null)
    .filter((to) => to.now <= window.to);
}

/** Of unanswered operations that ask for the same, the one that could come first stands for all. */
const hasElder = (
  one: Operation,
  open: ReadonlySet<Operation>,
  done: readonly Operation[],
): boolean =>
  one.answer === null &&
  [...open].some(
    (other) =>
      other.answer === null &&
      other.id < one.id &&
      other.invokedAt <= one.invokedAt &&
      other.key === one.key &&
      Bun.deepEquals(other.command, one.command) &&
      !done.includes(other),
  );

/**
 * Whether what came last, and was heard by nobody, could as well have come behind this operation: then
 * it is tried there. So it is tried only where somebody could tell.
 */
function couldWait(last: Unheard | null, one: Operation, to: State, situation: Situation): boolean {
  if (last === null || one.answer === null) return false;
  const others = statesAfter(last.before, one, situation).flatMap((state) => last.again(state));
  return others.some((other) => isSame(other, to) && allowsMore(other, to));
}

interface Outcomes {
  readonly state: State;
  readonly all: readonly Expected[];
}

function possibleOf(tried: readonly Outcomes[], { answer }: Operation): string[] {
  const all = tried.flatMap((one) => one.all.map((expected) => said(expected, one.state)));
  const alike = all.filter((text) => text.startsWith(answer?.kind ?? ""));
  return [...new Set([...alike, ...all])].slice(0, SHOWN_MAX);
}

/** In the words of an answer. */
function said(expected: Expected, { names }: State): string {
  switch (expected.kind) {
    case "levels": {
      const { onHand, reserved, available, version, versionFrom } = expected;
      const aside = available === onHand - reserved ? "" : ` available ${available}`;
      return `levels onHand ${onHand} reserved ${reserved}${aside} version ${version ?? `≥${versionFrom}`}`;
    }
    case "hold":
    case "ended": {
      const [holdId = "new"] = [...names].find(([, hold]) => hold === expected.hold) ?? [];
      if (expected.kind === "ended") return `ended holdId ${holdId} state ${expected.state}`;
      const { state, units, due, made } = expected;
      const times = `due ${due.from}–${due.to} made ${made.from}–${made.to}`;
      return `hold holdId ${holdId} state ${state} units ${units} ${times}`;
    }
    case "available":
    case "short":
    case "above_limit":
    case "not_short":
    case "below_reserved":
    case "no_such_hold":
      return textOf(expected);
  }
}
