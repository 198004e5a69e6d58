/**
 * What one product shall do, one operation after the other: its level, its holds, and what repeats
 * hear. It follows the promises of the service and none of its code. Where the moment of an operation
 * is known only as a window of Redis's time, all outcomes of that window are answered, each with the
 * part of the window that allows it.
 */
import { textOfMap } from "./map-text";
import type { Command, HoldState, Operation } from "./operations";

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
  readonly units: number;
  readonly state: HoldState;
  readonly due: Span;
  readonly made: Span;
}

export interface State {
  readonly onHand: number;
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
  | { readonly kind: "not_short" }
  | { readonly kind: "below_reserved"; readonly onHand: number; readonly reserved: number }
  | { readonly kind: "ended"; readonly hold: number; readonly state: HoldState }
  | { readonly kind: "no_such_hold" };

export interface Outcome {
  readonly state: State;
  readonly expected: Expected;
  readonly isReplay: boolean;
}

type Reserve = Extract<Command, { readonly verb: "reserve" }>;
type ChangeHold = Extract<Command, { readonly verb: "confirm" | "cancel" | "extend" }>;
/** A state with the window in which it may be. */
interface Moment {
  readonly state: State;
  readonly window: Window;
}

const SECOND = 1_000;
/** The longest life of a hold, from when it was made: as the service is told in the histories. */
export const LIFE_SECONDS_MAX = 120;

export function initialState(onHand: number, version: number): State {
  const none = { holds: new Map(), owners: new Map(), names: new Map(), replies: new Map() };
  return { onHand, now: 0, version, versionFrom: version, ...none };
}

/** All that the operation may come to in that window. */
export function outcomes(
  state: State,
  { id, command, key }: Pick<Operation, "id" | "command" | "key">,
  window: Window,
): Outcome[] {
  const moment = { state, window };
  const earlier = key === null ? undefined : state.replies.get(key);
  if (earlier) return [{ state: at(moment), expected: earlier, isReplay: true }];
  switch (command.verb) {
    case "read":
      return [same(moment, levelsOf(state))];
    case "check":
      return [same(moment, { kind: "available", units: availableIn(state) })];
    case "adjust":
      return [adjust(moment, command.units, key)];
    case "sell":
      return sell(moment, command.units, key);
    case "reserve":
      return touched(moment, state.owners.get(command.owner)).flatMap((one) =>
        reserve(one, id, command, key),
      );
    case "lookup": {
      const hold = state.names.get(command.holdId);
      const expected = hold === undefined ? NO_SUCH_HOLD : holdOf(state, hold);
      return [same(moment, expected)];
    }
    case "confirm":
    case "cancel":
    case "extend": {
      const hold = state.names.get(command.holdId);
      if (hold === undefined) return [same(moment, NO_SUCH_HOLD)];
      return touched(moment, hold).flatMap((one) => changeHold(one, hold, command, key));
    }
  }
}

/** What may happen by itself: each live hold that may be due by then may be released, or wait. */
export function expiries(state: State, to: number): Map<number, State> {
  const due = [...state.holds].filter(([, hold]) => hold.state === "live" && hold.due.from <= to);
  return new Map(due.map(([id, hold]) => [id, released(state, id, hold.due.from)]));
}

const released = (state: State, id: number, from: number): State =>
  expired({ ...state, now: Math.max(state.now, from) }, id, from);

/** By which states are known that differ in nothing, or in what `allowsMore` compares. */
export function keyOf({ onHand, version, holds, owners, names, replies }: State): string {
  return [onHand, version, ...[holds, owners, names, replies].map(textOfMap)].join("|");
}

/** Of two states with one key: whether all that can follow the other can follow this one. */
export const allowsMore = (one: State, other: State): boolean =>
  one.now <= other.now && one.versionFrom <= other.versionFrom;

/** Whether nothing happened between them; they may be of different moments. */
export const isSame = (one: State, other: State): boolean =>
  one.versionFrom === other.versionFrom && keyOf(one) === keyOf(other);

const NO_SUCH_HOLD: Expected = { kind: "no_such_hold" };

export const reservedIn = ({ holds }: State): number =>
  [...holds.values()].reduce((sum, { state, units }) => sum + (state === "live" ? units : 0), 0);
const availableIn = (state: State): number => state.onHand - reservedIn(state);

function levelsOf(state: State): Expected {
  const { onHand, version, versionFrom } = state;
  return { kind: "levels", onHand, reserved: reservedIn(state), version, versionFrom };
}

/** A replaced hold shows as a cancelled one. */
function holdOf(state: State, hold: number): Expected {
  const { units, due, made, state: is } = theHold(state, hold);
  return { kind: "hold", hold, state: is === "replaced" ? "cancelled" : is, units, due, made };
}

function theHold({ holds }: State, hold: number): Hold {
  const found = holds.get(hold);
  if (!found) throw new Error(`there is no hold ${hold}`);
  return found;
}

const at = ({ state, window }: Moment): State => ({ ...state, now: window.from });
const same = (moment: Moment, expected: Expected): Outcome => {
  return { state: at(moment), expected, isReplay: false };
};

/** The state after so many movements; `expect` words the answer, which a repeat hears again. */
function changed(
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
function remembered(moment: Moment, key: string | null, expected: Expected): Outcome {
  const state = at(moment);
  if (key === null) return { state, expected, isReplay: false };
  const replies = new Map(state.replies).set(key, expected);
  return { state: { ...state, replies }, expected, isReplay: false };
}

const withHold = ({ holds }: State, id: number, hold: Hold) => new Map(holds).set(id, hold);

/** Released at that moment or later. */
function expired(state: State, id: number, from: number): State {
  const hold = theHold(state, id);
  const window = { from: Math.max(state.now, from), to: Infinity, unheardSince: null };
  const holds = withHold(state, id, { ...hold, state: "expired" });
  return changed({ state, window }, { holds }, 1, null, () => NO_SUCH_HOLD).state;
}

/** Whoever touches a hold that is due has it released first: what is due is sold to nobody. */
function touched({ state, window }: Moment, id: number | undefined): Moment[] {
  const hold = id === undefined ? undefined : state.holds.get(id);
  if (id === undefined || hold?.state !== "live") return [{ state, window }];
  const from = Math.max(window.from, hold.due.from);
  const isDue = { state: expired(state, id, from), window: { ...window, from } };
  const lives = { state, window: { ...window, to: Math.min(window.to, hold.due.to - 1) } };
  return [isDue, lives].filter(isPossible);
}

const isPossible = ({ window }: Moment): boolean => window.from <= window.to;

/** Nobody is refused for want of units while a hold is due: it is released before. */
function nothingDue({ state, window }: Moment): Moment[] {
  const dues = [...state.holds.values()]
    .filter((hold) => hold.state === "live")
    .map(({ due }) => due.to - 1);
  const narrowed = { state, window: { ...window, to: Math.min(window.to, ...dues) } };
  return [narrowed].filter(isPossible);
}

function adjust(moment: Moment, units: number, key: string | null): Outcome {
  const { onHand } = moment.state;
  const reserved = reservedIn(moment.state);
  if (onHand + units < reserved) return same(moment, { kind: "below_reserved", onHand, reserved });
  return changed(moment, { onHand: onHand + units }, 1, key, levelsOf);
}

function sell(moment: Moment, units: number, key: string | null): Outcome[] {
  const { state } = moment;
  const available = availableIn(state);
  if (units > available) {
    return nothingDue(moment).map((one) => same(one, { kind: "short", available }));
  }
  return [changed(moment, { onHand: state.onHand - units }, 1, key, levelsOf)];
}

function reserve(
  moment: Moment,
  id: number,
  { owner, units, seconds, isCart }: Reserve,
  key: string | null,
): Outcome[] {
  const { state, window } = moment;
  const latest = state.owners.get(owner);
  const hold = latest === undefined ? undefined : state.holds.get(latest);
  if (latest !== undefined && hold?.state === "confirmed") {
    return [same(moment, { kind: "ended", hold: latest, state: "confirmed" })];
  }
  const live = hold?.state === "live" ? hold : undefined;
  if (latest !== undefined && live?.units === units) {
    return [remembered(moment, key, holdOf(state, latest))];
  }
  const available = availableIn(state);
  if (units > available + (live?.units ?? 0)) {
    return nothingDue(moment).map((one) => same(one, { kind: "short", available }));
  }
  const span = spanOf(window);
  const made = { owner, units, state: "live", due: dueIn(span, seconds), made: span } as const;
  const kept =
    latest !== undefined && live
      ? withHold(state, latest, { ...live, state: "replaced" })
      : state.holds;
  const changes = {
    holds: new Map(kept).set(id, made),
    owners: new Map(state.owners).set(owner, id),
  };
  const taken = changed(moment, changes, live ? 2 : 1, key, (after) => holdOf(after, id));
  const others = isCart ? nothingDue(moment) : [];
  return [taken, ...others.map((one) => same(one, { kind: "not_short" }))];
}

const spanOf = ({ from, to, unheardSince }: Window): Span =>
  unheardSince === null ? { from, to } : { from: unheardSince, to: Infinity };

/** A hold ends on a full second, rounded up. */
function dueIn({ from, to }: Span, seconds: number): Span {
  const due = (now: number): number => Math.ceil(now / SECOND + seconds) * SECOND;
  return { from: due(from), to: due(to) };
}

function changeHold(
  moment: Moment,
  id: number,
  command: ChangeHold,
  key: string | null,
): Outcome[] {
  const { state } = moment;
  const hold = theHold(state, id);
  const expect = (after: State): Expected => holdOf(after, id);
  if (hold.state === "live") {
    if (command.verb === "extend") return extend(moment, id, command.seconds, key);
    const isSale = command.verb === "confirm";
    const holds = withHold(state, id, { ...hold, state: isSale ? "confirmed" : "cancelled" });
    const onHand = state.onHand - (isSale ? hold.units : 0);
    return [changed(moment, { holds, onHand }, 1, key, expect)];
  }
  const isWelcome = (hold.state === "confirmed") === (command.verb === "confirm");
  if (command.verb !== "extend" && isWelcome) return [same(moment, expect(state))];
  return [same(moment, { kind: "ended", hold: id, state: hold.state })];
}

/**
 * Never shorter, and never beyond the longest life: where it is not known whether it became longer,
 * both may be.
 */
function extend(moment: Moment, id: number, seconds: number, key: string | null): Outcome[] {
  const { state, window } = moment;
  const hold = theHold(state, id);
  const asked = dueIn(spanOf(window), seconds);
  const latest = dueIn(hold.made, LIFE_SECONDS_MAX);
  const due = { from: Math.min(asked.from, latest.from), to: Math.min(asked.to, latest.to) };
  const expect = (after: State): Expected => holdOf(after, id);
  const all: Outcome[] = [];
  if (due.from <= hold.due.to) all.push(same(moment, expect(state)));
  if (due.to > hold.due.from) {
    const longer = { from: Math.max(due.from, hold.due.from + 1), to: due.to };
    const holds = withHold(state, id, { ...hold, due: longer });
    all.push(changed(moment, { holds }, 1, key, expect));
  }
  return all;
}
