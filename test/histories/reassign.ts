/** reassign on one product: a hold's units go over to another owner's, and are free at no moment. */
import {
  changed,
  dueIn,
  holdOf,
  LIFE_SECONDS_MAX,
  at,
  same,
  spanOf,
  theHold,
  touched,
  withHold,
  type Expected,
  type Hold,
  type Moment,
  type Outcome,
  type Span,
  type State,
} from "./state";

/** Movements of one line: it leaves one hold and enters another. */
const MOVEMENTS = 2;

export function reassign(
  moment: Moment,
  asked: Pick<Wanted, "id" | "from" | "owner"> & { readonly customer?: string },
  key: string | null,
): Outcome[] {
  const { state } = moment;
  const { from, owner } = asked;
  const hold = theHold(state, from);
  const trace = traceOf(from, owner);
  const earlier = state.replies.get(trace);
  if (earlier) return [{ state: at(moment), expected: earlier, isReplay: true }];
  if (hold.state !== "live")
    return [same(moment, { kind: "ended", hold: from, state: hold.state })];
  if (hold.owner === owner) return [same(moment, holdOf(state, from))];
  const to = state.owners.get(owner);
  // No limit is asked: whose they become has them.
  const wanted = { ...asked, customer: asked.customer ?? hold.customer, to, trace };
  return touched(moment, to).map((one) => handOver(one, wanted, key));
}

/** Under which a repeat without a key finds what came of it: a line for itself among the replies. */
const traceOf = (hold: number, owner: string): string => `${hold} to ${owner}`;

interface Wanted {
  /** Of the operation, and of a hold that it makes. */
  readonly id: number;
  readonly from: number;
  /** The latest hold of the new owner. */
  readonly to: number | undefined;
  readonly owner: string;
  readonly customer: string | null;
  readonly trace: string;
}

function handOver(moment: Moment, wanted: Wanted, key: string | null): Outcome {
  const { id, from, to, owner, customer, trace } = wanted;
  const { state } = moment;
  const hold = theHold(state, from);
  const last = to === undefined ? undefined : theHold(state, to);
  if (to !== undefined && last?.state === "confirmed") {
    return same(moment, { kind: "ended", hold: to, state: "confirmed" });
  }
  const isLive = to !== undefined && last?.state === "live";
  const target = isLive ? to : id;
  const made = spanOf(moment.window);
  const taken = isLive && last ? merged(last, hold) : { ...hold, owner, customer, made };
  const left = withHold(state, from, { ...hold, state: "reassigned" });
  const holds = new Map(left).set(target, taken);
  const owners = new Map(state.owners).set(owner, target);
  const expect = (after: State): Expected => holdOf(after, target);
  const outcome = changed(moment, { holds, owners }, MOVEMENTS, key, expect);
  const replies = new Map(outcome.state.replies).set(trace, outcome.expected);
  return { ...outcome, state: { ...outcome.state, replies } };
}

/** Due with the later of both, but never later than its own life allows, nor sooner than it was. */
function merged(live: Hold, hold: Hold): Hold {
  const latest = dueIn(live.made, LIFE_SECONDS_MAX);
  const each = (end: keyof Span): number =>
    Math.max(live.due[end], Math.min(hold.due[end], latest[end]));
  const [units, fenced] = [live.units + hold.units, live.fenced + hold.fenced];
  return { ...live, units, fenced, due: { from: each("from"), to: each("to") } };
}
