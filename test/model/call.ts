/** One call of a script on the model: what it decides, and what it changes. */
import type { StockAlert } from "#inventory/event-ports";
import type { NamedLimit } from "#inventory/limit-ports";
import type { LevelLimit } from "#inventory/level-limit";
import {
  LOCATIONS_MAX,
  STOCK_MAX,
  type Location,
  type MovementContext,
  type MovementType,
} from "#inventory/model";
import type { Operation } from "#inventory/ports";
import {
  gradeOf,
  isLive,
  levelsOf,
  linesOf,
  seqOf,
  type Hold,
  type ModelProduct,
  type Move,
  type World,
} from "#model/world";

/** A batch under way: its items are decided one after the other at the same moment. */
export interface Call {
  readonly world: World;
  /** Redis's clock at that call (ms). */
  readonly now: number;
  /** What was available of each product before it. */
  readonly grades: ReadonlyMap<ModelProduct, StockAlert>;
  /** Products whose attributes or locations it changed: the journal tells them whole. */
  readonly amended: Set<ModelProduct>;
  /** Locations of the registry that it changed. */
  readonly registered: Set<Location>;
  /** Limits that it put or removed (null), and the seq that says so. */
  readonly records: Map<string, { readonly limit: NamedLimit | null; readonly seq: number }>;
  /** Movements that the journal may be ahead of the ledger. */
  readonly journalEntriesMax: number;
  /** Lines of the holds that its items have looked at so far. */
  linesSeen: number;
  /** When limits that it set on begin to count (ms): time goes on to there. */
  countsFrom: number;
}

/** What one item must be answered. */
export interface Decision {
  /** The first word of the script's line. */
  readonly word: string;
  /** What the store may make of it: one, or several where a script may choose. */
  readonly outcomes: readonly unknown[];
  /** What a repeat under the same key must hear; not given: it is decided anew. */
  readonly replay?: unknown;
  /** Another key that the script keeps the answer under, whoever asks. */
  readonly alsoUnder?: Operation;
}

export const decided = (word: string, outcome: unknown = { kind: word }): Decision => {
  return { word, outcomes: [outcome] };
};

/** An outcome by which something was done: whoever repeats it hears `replay`. */
export const done = (word: string, outcome: object, replay: object): Decision => {
  return { word, outcomes: [outcome], replay };
};

/** Decides an item, unless its key was used before. */
export function once(call: Call, operation: Operation | null, decide: () => Decision): Decision {
  const earlier = operation && call.world.operations.get(operation.key);
  if (operation && earlier) {
    if (earlier.payload !== operation.payload) return decided("key_reused");
    return decided("replayed", earlier.replay);
  }
  const decision = decide();
  if (operation && decision.replay !== undefined) {
    const { replay } = decision;
    call.world.operations.set(operation.key, { payload: operation.payload, replay });
  }
  return decision;
}

interface Change {
  readonly type: MovementType;
  readonly product: ModelProduct | null;
  readonly location: Location;
  readonly onHand?: number;
  readonly reserved?: number;
  readonly hold?: Hold;
  readonly back?: Move["back"];
  readonly context: MovementContext;
}

/** The refusal of so many units more at a location, be it a new one; null: it takes them. */
export function aboveLimit(
  product: ModelProduct,
  location: Location,
  units: number,
): Decision | null {
  const levels = levelsOf(product);
  const onHand = levels.get(location)?.onHand ?? 0;
  const refused = (limit: LevelLimit) =>
    decided("above_limit", { kind: "above_limit", limit, onHand });
  if (!levels.has(location) && levels.size >= LOCATIONS_MAX) return refused("locations");
  return onHand + units > STOCK_MAX ? refused("stock") : null;
}

export const isJournalFull = ({ world, journalEntriesMax }: Call): boolean =>
  seqOf(world) - world.drained >= journalEntriesMax;

/** The one way anything changes: a movement more. */
export function move(call: Call, change: Change): void {
  const { world, now } = call;
  const { type, product, location, onHand = 0, reserved = 0, hold = null, context } = change;
  const seq = seqOf(world) + 1;
  const moved = { seq, type, product, location, onHand, reserved, hold, context, at: now };
  const made: Move = { ...moved, ...(change.back ? { back: change.back } : {}), grade: null };
  world.moves.push(made);
  product?.moves.push(made);
  if (product) made.grade = gradeOf(product);
  hold?.moves.push(made);
}

export const nowSecond = (call: Call): number => Math.floor(call.now / 1_000);

/** The second on which a hold ends that lives so long from that moment: never sooner than it was asked for. */
export const dueSecondAfter = (moment: number, seconds: number): number =>
  Math.ceil((moment + seconds * 1_000) / 1_000);

export const isDue = (call: Call, hold: Hold): boolean =>
  isLive(hold) && hold.dueSecond !== null && hold.dueSecond * 1_000 <= call.now;

/** Gives back all that a hold still has. */
export function release(
  call: Call,
  hold: Hold,
  type: "RELEASE" | "EXPIRE",
  context: MovementContext,
): void {
  for (const { productId, location, held } of linesOf(hold)) {
    const product = call.world.products.get(productId);
    if (!product) throw new Error("a hold of no product");
    if (held > 0) move(call, { type, product, location, reserved: -held, hold, context });
  }
}

export function expireHold(call: Call, hold: Hold): void {
  release(call, hold, "EXPIRE", { actor: "system:expiry" });
}

/** Notes that a hold will be due: expire finds it by that. */
export function schedule(call: Call, hold: Hold): void {
  const { dueSecond: second, owner } = hold;
  if (second !== null) call.world.due.push({ second, owner });
}
