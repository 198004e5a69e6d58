/**
 * What one product shall do, one operation after the other: its level, its holds, and what repeats
 * hear. It follows the promises of the service and none of its code. Where the moment of an operation
 * is known only as a window of Redis's time, all outcomes of that window are answered, each with the
 * part of the window that allows it.
 */
import type { Command, Operation } from "./operations";
import { reassign } from "./reassign";
import {
  availableIn,
  changed,
  dueIn,
  expired,
  fencedIn,
  freeInFence,
  holdOf,
  levelsOf,
  LIFE_SECONDS_MAX,
  at,
  NO_SUCH_HOLD,
  nothingDue,
  remembered,
  reservedIn,
  same,
  spanOf,
  takenBy,
  theHold,
  touched,
  withHold,
  type Expected,
  type Hold,
  type Moment,
  type Outcome,
  type State,
  type Window,
} from "./state";

type Reserve = Extract<Command, { readonly verb: "reserve" }>;
type ChangeHold = Extract<Command, { readonly verb: "confirm" | "cancel" | "extend" }>;
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
    case "reassign": {
      const hold = state.names.get(command.holdId);
      if (hold === undefined) return [same(moment, NO_SUCH_HOLD)];
      return touched(moment, hold).flatMap((one) =>
        reassign(one, { id, from: hold, ...command }, key),
      );
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

function adjust(moment: Moment, units: number, key: string | null): Outcome {
  const { state } = moment;
  // Those of the campaign stand elsewhere.
  const onHand = state.onHand - state.fence;
  const reserved = reservedIn(state) - fencedIn(state);
  if (onHand + units < reserved) return same(moment, { kind: "below_reserved", onHand, reserved });
  return changed(moment, { onHand: state.onHand + units }, 1, key, levelsOf);
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
  { owner, units, seconds, isCart, isOfCampaign = false, ...whose }: Reserve,
  key: string | null,
): Outcome[] {
  const { state, window } = moment;
  const customer = whose.customer ?? null;
  const latest = state.owners.get(owner);
  const hold = latest === undefined ? undefined : state.holds.get(latest);
  if (latest !== undefined && hold?.state === "confirmed") {
    return [same(moment, { kind: "ended", hold: latest, state: "confirmed" })];
  }
  const live = hold?.state === "live" ? hold : undefined;
  const isThere = live?.units === units && (!isOfCampaign || live.fenced === units);
  if (latest !== undefined && isThere) {
    return [remembered(moment, key, holdOf(state, latest))];
  }
  const available = isOfCampaign ? freeInFence(state) : availableIn(state);
  const fenced = live?.fenced ?? 0;
  const returned = isOfCampaign ? fenced : (live?.units ?? 0) - fenced;
  const left = leftTo(state, customer, live);
  if (left !== null && units > left) {
    return nothingDue(moment).map((one) => same(one, { kind: "above_limit", left }));
  }
  if (units > available + returned) {
    return nothingDue(moment).map((one) => same(one, { kind: "short", available }));
  }
  const span = spanOf(window);
  const made: Hold = {
    owner,
    customer,
    units,
    fenced: isOfCampaign ? units : 0,
    state: "live",
    due: dueIn(span, seconds),
    made: span,
  };
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

/** Units that the limit leaves to a customer whose live hold would be given back; null: any number. */
function leftTo(state: State, customer: string | null, live: Hold | undefined): number | null {
  if (state.limit === null || customer === null) return null;
  const given = live?.customer === customer ? live.units : 0;
  return Math.max(0, state.limit - (takenBy(state, customer) - given));
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
    const fence = state.fence - (isSale ? hold.fenced : 0);
    return [changed(moment, { holds, onHand, fence }, 1, key, expect)];
  }
  const isWelcome = (hold.state === "confirmed") === (command.verb === "confirm");
  const isElsewhere = hold.state === "reassigned";
  if (command.verb !== "extend" && isWelcome && !isElsewhere) return [same(moment, expect(state))];
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
