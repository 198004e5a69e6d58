/**
 * The state of one product and what may be done to it, whatever the operation: the parts of which
 * the model is made.
 */
import { textOfMap } from "./map-text";
import type { HoldState } from "./operations";

/** Milliseconds of Redis's clock, both ends included. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** When an operation takes effect. */
export interface Window extends Span {
  /**
   * Of an operation that was never answered, when it was asked for; else null. What it does is then
   * told as of any time since, for nobody can say better, and so that states are fewer.
   */
  readonly unheardSince: number | null;
}

/** A hold; its public id is not known before somebody has heard it. */
export interface Hold {
  readonly owner: string;
  /** null: nobody's. */
  readonly customer: string | null;
  readonly units: number;
  /** Of them those of the campaign. */
  readonly fenced: number;
  readonly state: HoldState;
  readonly due: Span;
  readonly made: Span;
}

export interface State {
  readonly onHand: number;
  /** Of them those that the campaign has aside, held or not; it is open all the time. */
  readonly fence: number;
  /** How many units each customer may hold and buy; null: as many as there are. */
  readonly limit: number | null;
  /** No operation comes before this moment any more. */
  readonly now: number;
  /** Null: changed since somebody has heard it; then it is at least `versionFrom`. */
  readonly version: number | null;
  readonly versionFrom: number;
  /** By the id of the operation that made them. */
  readonly holds: ReadonlyMap<number, Hold>;
  /** The latest hold of each owner. */
  readonly owners: ReadonlyMap<string, number>;
  /** Public id → hold. */
  readonly names: ReadonlyMap<string, number>;
  /** Of operations with a key that were done, or found done: what their repeats hear. */
  readonly replies: ReadonlyMap<string, Expected>;
}

/** An answer, as far as the model knows it. */
export type Expected =
  | {
      readonly kind: "levels";
      readonly onHand: number;
      readonly reserved: number;
      readonly available: number;
      readonly version: number | null;
      readonly versionFrom: number;
    }
  | { readonly kind: "available"; readonly units: number }
  | {
      readonly kind: "hold";
      readonly hold: number;
      readonly state: HoldState;
      readonly units: number;
      readonly due: Span;
      readonly made: Span;
    }
  | { readonly kind: "short"; readonly available: number }
  | { readonly kind: "above_limit"; readonly left: number }
  | { readonly kind: "not_short" }
  | { readonly kind: "below_reserved"; readonly onHand: number; readonly reserved: number }
  | { readonly kind: "ended"; readonly hold: number; readonly state: HoldState }
  | { readonly kind: "no_such_hold" };

export interface Outcome {
  readonly state: State;
  readonly expected: Expected;
  readonly isReplay: boolean;
}

/** A state with the window in which it may be. */
export interface Moment {
  readonly state: State;
  readonly window: Window;
}

const SECOND = 1_000;
/** The longest life of a hold, from when it was made: as the service is told in the histories. */
export const LIFE_SECONDS_MAX = 120;

export function initialState(onHand: number, version: number, of: Terms = {}): State {
  const { fence = 0, limit = null } = of;
  const none = { holds: new Map(), owners: new Map(), names: new Map(), replies: new Map() };
  return { onHand, fence, limit, now: 0, version, versionFrom: version, ...none };
}

/** What is said of a product beside its units. */
export interface Terms {
  readonly fence?: number;
  readonly limit?: number | null;
}

/** By which states are known that differ in nothing, or in what `allowsMore` compares. */
export function keyOf({ onHand, fence, version, holds, owners, names, replies }: State): string {
  return [onHand, fence, version, ...[holds, owners, names, replies].map(textOfMap)].join("|");
}

/** Of two states with one key: whether all that can follow the other can follow this one. */
export const allowsMore = (one: State, other: State): boolean =>
  one.now <= other.now && one.versionFrom <= other.versionFrom;

/** Whether nothing happened between them; they may be of different moments. */
export const isSame = (one: State, other: State): boolean =>
  one.versionFrom === other.versionFrom && keyOf(one) === keyOf(other);

export const NO_SUCH_HOLD: Expected = { kind: "no_such_hold" };

const live = ({ holds }: State): Hold[] =>
  [...holds.values()].filter(({ state }) => state === "live");
export const reservedIn = (state: State): number =>
  live(state).reduce((sum, { units }) => sum + units, 0);
export const fencedIn = (state: State): number =>
  live(state).reduce((sum, { fenced }) => sum + fenced, 0);
/** What nobody holds, of the campaign's units and of all others. */
export const freeInFence = (state: State): number => state.fence - fencedIn(state);
export const availableIn = (state: State): number =>
  state.onHand - reservedIn(state) - freeInFence(state);

/** What the customer has already, of what counts under a limit: what it holds and what it bought. */
export const takenBy = ({ holds }: State, customer: string): number =>
  [...holds.values()]
    .filter((hold) => hold.customer === customer)
    .filter(({ state }) => state === "live" || state === "confirmed")
    .reduce((sum, { units }) => sum + units, 0);

export function levelsOf(state: State): Expected {
  const { onHand, version, versionFrom } = state;
  const [reserved, available] = [reservedIn(state), availableIn(state)];
  return { kind: "levels", onHand, reserved, available, version, versionFrom };
}

/** One that was replaced, or went over to another owner, shows as a cancelled one. */
export function holdOf(state: State, hold: number): Expected {
  const { units, due, made, state: is } = theHold(state, hold);
  const shown = is === "replaced" || is === "reassigned" ? "cancelled" : is;
  return { kind: "hold", hold, state: shown, units, due, made };
}

export function theHold({ holds }: State, hold: number): Hold {
  const found = holds.get(hold);
  if (!found) throw new Error(`there is no hold ${hold}`);
  return found;
}

export const at = ({ state, window }: Moment): State => ({ ...state, now: window.from });
export const same = (moment: Moment, expected: Expected): Outcome => {
  return { state: at(moment), expected, isReplay: false };
};

/** The state after so many movements; `expect` words the answer, which a repeat hears again. */
export function changed(
  moment: Moment,
  changes: Partial<State>,
  movements: number,
  key: string | null,
  expect: (state: State) => Expected,
): Outcome {
  const before = moment.state;
  const versionFrom = (before.version ?? before.versionFrom) + movements;
  const state = { ...at(moment), ...changes, version: null, versionFrom };
  return remembered({ state, window: moment.window }, key, expect(state));
}

/** Nothing moved, and a repeat hears it again all the same: all was as it was asked for. */
export function remembered(moment: Moment, key: string | null, expected: Expected): Outcome {
  const state = at(moment);
  if (key === null) return { state, expected, isReplay: false };
  const replies = new Map(state.replies).set(key, expected);
  return { state: { ...state, replies }, expected, isReplay: false };
}

export const withHold = ({ holds }: State, id: number, hold: Hold) => new Map(holds).set(id, hold);

/** Released at that moment or later. */
export function expired(state: State, id: number, from: number): State {
  const hold = theHold(state, id);
  const window = { from: Math.max(state.now, from), to: Infinity, unheardSince: null };
  const holds = withHold(state, id, { ...hold, state: "expired" });
  return changed({ state, window }, { holds }, 1, null, () => NO_SUCH_HOLD).state;
}

/** Whoever touches a hold that is due has it released first: what is due is sold to nobody. */
export function touched({ state, window }: Moment, id: number | undefined): Moment[] {
  const hold = id === undefined ? undefined : state.holds.get(id);
  if (id === undefined || hold?.state !== "live") return [{ state, window }];
  const from = Math.max(window.from, hold.due.from);
  const isDue = { state: expired(state, id, from), window: { ...window, from } };
  const lives = { state, window: { ...window, to: Math.min(window.to, hold.due.to - 1) } };
  return [isDue, lives].filter(isPossible);
}

const isPossible = ({ window }: Moment): boolean => window.from <= window.to;

/** Nobody is refused for want of units while a hold is due: it is released before. */
export function nothingDue({ state, window }: Moment): Moment[] {
  const dues = [...state.holds.values()]
    .filter((hold) => hold.state === "live")
    .map(({ due }) => due.to - 1);
  const narrowed = { state, window: { ...window, to: Math.min(window.to, ...dues) } };
  return [narrowed].filter(isPossible);
}

export const spanOf = ({ from, to, unheardSince }: Window): Span =>
  unheardSince === null ? { from, to } : { from: unheardSince, to: Infinity };

/** A hold ends on a full second, rounded up. */
export function dueIn({ from, to }: Span, seconds: number): Span {
  const due = (now: number): number => Math.ceil(now / SECOND + seconds) * SECOND;
  return { from: due(from), to: due(to) };
}
