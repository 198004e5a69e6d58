/** Whether an answer that was heard can be the one of the model, and what is known after it. */
import { reservedIn, type Expected, type Outcome, type Span, type State } from "./state";
import type { Answer, Operation } from "./operations";

type OfKind<Kind extends Expected["kind"]> = Extract<Expected, { readonly kind: Kind }>;
type Heard<Kind extends Answer["kind"]> = Extract<Answer, { readonly kind: Kind }>;

/** Null: it cannot. */
export function agreed(outcome: Outcome, operation: Operation, heard: Answer): State | null {
  const { state, expected, isReplay } = outcome;
  const { key } = operation;
  if (isReplay !== operation.isReplay) return null;
  if (expected.kind === "levels" && heard.kind === "levels") {
    const known = agreedLevels(state, expected, heard, isReplay);
    const { version } = heard;
    return known && remembered(known, key, { ...expected, version, versionFrom: version });
  }
  if (expected.kind === "hold" && heard.kind === "hold") {
    const known = agreedHold(state, expected, heard);
    return (
      known && remembered(known, key, { ...expected, due: only(heard.due), made: only(heard.made) })
    );
  }
  if (expected.kind === "ended" && heard.kind === "ended") {
    return expected.state === heard.state ? named(state, expected.hold, heard.holdId) : null;
  }
  return Bun.deepEquals(expected, heard) ? state : null;
}

/** What is repeated under a key from now on is what was heard. */
function remembered(state: State, key: string | null, reply: Expected): State {
  const earlier = key === null ? undefined : state.replies.get(key);
  if (key === null || earlier === undefined || Bun.deepEquals(earlier, reply)) return state;
  return { ...state, replies: new Map(state.replies).set(key, reply) };
}

const only = (moment: number): Span => ({ from: moment, to: moment });

/** A version is learned once: then it stays until the next change, which is above it. */
function agreedLevels(
  state: State,
  { onHand, reserved, available, version, versionFrom }: OfKind<"levels">,
  heard: Heard<"levels">,
  isReplay: boolean,
): State | null {
  if (heard.onHand !== onHand || heard.reserved !== reserved) return null;
  if (heard.available !== available) return null;
  if (version === null ? heard.version < versionFrom : heard.version !== version) return null;
  return isReplay ? state : { ...state, version: heard.version, versionFrom: heard.version };
}

function agreedHold(state: State, expected: OfKind<"hold">, heard: Heard<"hold">): State | null {
  const { hold: id, units, due, made } = expected;
  if (heard.units !== units || heard.state !== expected.state) return null;
  if (!isWithin(heard.due, due) || !isWithin(heard.made, made)) return null;
  const known = named(state, id, heard.holdId);
  const hold = known?.holds.get(id);
  if (!known || !hold) return null;
  // It may have been extended since the answer that is heard again.
  const isLatest = hold.due.from === due.from && hold.due.to === due.to;
  const learned = {
    ...hold,
    made: only(heard.made),
    due: isLatest ? only(heard.due) : hold.due,
  };
  const now = Math.max(known.now, heard.made);
  return { ...known, now, holds: new Map(known.holds).set(id, learned) };
}

const isWithin = (moment: number, { from, to }: Span): boolean => moment >= from && moment <= to;

/** A hold has one public id, and a public id is of one hold. */
function named(state: State, hold: number, holdId: string): State | null {
  const known = state.names.get(holdId);
  if (known !== undefined) return known === hold ? state : null;
  if ([...state.names.values()].includes(hold)) return null;
  return { ...state, names: new Map(state.names).set(holdId, hold) };
}

/** A state for people. */
export function describe(state: State): string {
  const { onHand, version, versionFrom, now } = state;
  const ids = new Map([...state.names].map(([holdId, hold]) => [hold, holdId]));
  const live = [...state.holds]
    .filter(([, hold]) => hold.state === "live")
    .map(
      ([id, { owner, units, due }]) =>
        `${ids.get(id) ?? `#${id}`} of ${owner}: ${units} until ${due.to}`,
    );
  const levels = `onHand ${onHand} reserved ${reservedIn(state)}`;
  return `${levels} version ${version ?? `≥ ${versionFrom}`} at ${now}; live: ${live.join(", ") || "none"}`;
}
