/**
 * What must be true of one partition, said as simply as it can be: a list of movements, and holds
 * and products that are plain objects with the movements that were theirs. Stock, what a hold
 * still has, its state, versions and times of change are never stored: they are read off the list.
 */
import type { Campaign, CampaignId } from "#inventory/campaigns";
import type { StockAlert } from "#inventory/event-ports";
import type { Stock } from "#inventory/hold-ports";
import type { JournaledLocation } from "#inventory/location-ports";
import type { NamedLimit, SalesOfLimit } from "#inventory/limit-ports";
import {
  campaignAt,
  DEFAULT_RULE,
  type Allocation,
  type Attributes,
  type CustomerId,
  type Location,
  type LocationRule,
  type Movement,
  type MovementContext,
  type MovementType,
  type OrderId,
  type Product,
  type ProductId,
  type Reservation,
} from "#inventory/model";
import { reservationIdOf } from "#inventory/reservation-id";

export interface Move {
  readonly seq: number;
  readonly type: MovementType;
  /** null: something was said of the location itself; or a record changed, and there is none. */
  readonly product: ModelProduct | null;
  readonly location: Location;
  /** Signed change of the level. */
  readonly onHand: number;
  readonly reserved: number;
  readonly hold: Hold | null;
  readonly context: MovementContext;
  readonly at: number;
  /** Of its product, with this movement. */
  grade: StockAlert | null;
  /** Of a return: what the ledger says of the sales whose units may no longer count against limits. */
  readonly back?: SalesOfLimit;
}

export interface ModelProduct {
  readonly productId: ProductId;
  attributes: Attributes;
  /** From when on its limit counts; null: it has none any more; absent: it never got another one. */
  limitSince?: number | null;
  readonly moves: Move[];
  /** Ring-fences that it has no more. */
  readonly gone: Set<Location>;
  /** Of its partition. */
  readonly registry: Registry;
}

/** What was said of locations: which are taken from, and in which order. */
export type Registry = Map<Location, JournaledLocation>;

/** One generation of an owner; the last one in the list is the one that counts. */
export interface Hold {
  readonly owner: string;
  readonly generation: string;
  readonly customerId: CustomerId | null;
  /** null: the hold is the product's own. */
  readonly orderId: OrderId | null;
  readonly createdAt: number;
  /** null: it stands, and is never due. */
  dueSecond: number | null;
  /** What it is once nobody holds it and nothing of it was sold. */
  leftAs: "cancelled" | "replaced" | "reassigned";
  readonly moves: Move[];
}

/** What a repeat under the same key hears, and what stands in Redis for it. */
export interface Remembered {
  readonly payload: string;
  readonly replay: unknown;
}

/** A place in the line of a product. */
export interface ModelWaiter {
  readonly productId: ProductId;
  readonly owner: string;
  readonly generation: string;
  readonly customerId: CustomerId | null;
  readonly orderId: OrderId | null;
  quantity: number;
  holdSeconds: number;
  readonly joinedAt: number;
  readonly joinedSeq: number;
}

export interface World {
  readonly partition: number;
  readonly epoch: number;
  readonly moves: Move[];
  readonly products: Map<string, ModelProduct>;
  readonly registry: Registry;
  /** Limits with a name, in the order in which they were put last. */
  readonly limits: Map<string, NamedLimit>;
  readonly holds: Hold[];
  /** Who waits for anything, in the order in which they joined. */
  waiting: ModelWaiter[];
  /** Product that somebody waits for → 1 where something of it was free at its last change, else 0. */
  readonly waited: Map<string, 0 | 1>;
  readonly operations: Map<string, Remembered>;
  readonly campaigns: Map<CampaignId, Campaign>;
  /** Order and product, as a hash → seq of their last return. */
  readonly returns: Map<string, number>;
  /** Who is charged for requests → when each that still counts is forgotten (µs). */
  readonly charged: Map<string, number>;
  /** Entries of the due lists, in the order in which they were written. */
  due: { readonly second: number; readonly owner: string }[];
  /** Where the partition's clock stood when something was last written (ms). */
  lastNow: number;
  /** Up to this second no hold is due. */
  swept: number;
  drained: number;
}

export function newWorld(partition: number, epoch: number, now: number, swept: number): World {
  return {
    partition,
    epoch,
    moves: [],
    products: new Map(),
    registry: new Map(),
    limits: new Map(),
    holds: [],
    waiting: [],
    waited: new Map(),
    operations: new Map(),
    campaigns: new Map(),
    returns: new Map(),
    charged: new Map(),
    due: [],
    lastNow: now,
    swept,
    drained: 0,
  };
}

/** The number of the last movement: they are counted from one, without a gap. */
export const seqOf = (world: World): number => world.moves.length;

type Counts = { onHand: number; reserved: number };

/** Levels in the order in which the product came to have them: home first. */
export function levelsOf(product: ModelProduct): Map<Location, Counts> {
  const levels = new Map<Location, Counts>();
  for (const move of product.moves) {
    const level = levels.get(move.location) ?? { onHand: 0, reserved: 0 };
    level.onHand += move.onHand;
    level.reserved += move.reserved;
    levels.set(move.location, level);
  }
  for (const location of product.gone) levels.delete(location);
  return levels;
}

/** onHand over all levels. */
export const onHandOf = (product: ModelProduct): number =>
  product.moves.reduce((sum, { onHand }) => sum + onHand, 0);

/** What nobody holds, wherever it is; below zero where more is held back as safety than is there. */
export function unreservedOf({ moves, attributes }: ModelProduct): number {
  return moves.reduce((sum, it) => sum + it.onHand - it.reserved, -attributes.safetyStock);
}

/** What of it may be taken: that at active locations. */
export function availableOf({ moves, attributes, registry }: ModelProduct): number {
  return moves
    .filter(({ location }) => ruleOf(registry, location).active)
    .reduce((sum, it) => sum + it.onHand - it.reserved, -attributes.safetyStock);
}

/** What is available, in a word. */
export function gradeOf(product: ModelProduct): StockAlert {
  const available = availableOf(product);
  if (available <= 0) return "out";
  return available <= product.attributes.lowStockThreshold ? "low" : "back_in_stock";
}

export function ruleOf(registry: Registry, location: Location): LocationRule {
  const { active, priority } = registry.get(location) ?? DEFAULT_RULE;
  return { active: active && campaignAt(location) === null, priority };
}

export function homeOf(product: ModelProduct): Location {
  const [first] = product.moves;
  if (!first) throw new Error("a product without its first movement");
  return first.location;
}

/** What who asks by product hears of it. */
export function stockOf(world: World, productId: ProductId | undefined): Stock {
  const product = productId && world.products.get(productId);
  if (!product) throw new Error("a hold of a product that is not there");
  const reserved = product.moves.reduce((sum, it) => sum + it.reserved, 0);
  const available = Math.max(0, availableOf(product));
  return { onHand: onHandOf(product), reserved, available, home: homeOf(product) };
}

export function productOf(product: ModelProduct): Product {
  const first = product.moves[0];
  const last = product.moves.at(-1);
  if (!first || !last) throw new Error("a product without its first movement");
  const restocked = product.moves.findLast(
    ({ type, onHand }) => type === "RESTOCK" || (type === "INITIAL" && onHand > 0),
  );
  return {
    ...product.attributes,
    productId: product.productId,
    home: first.location,
    levels: Array.from(levelsOf(product), ([location, counts]) => {
      return { location, ...counts, ...ruleOf(product.registry, location) };
    }),
    createdAt: first.at,
    updatedAt: last.at,
    lastRestocked: restocked?.at ?? null,
    limitSince: product.limitSince ?? null,
    seq: last.seq,
  };
}

/** What a hold took at each level, in that order, and what became of it. */
export function linesOf(hold: Hold): Allocation[] {
  const lines = new Map<string, { -readonly [Key in keyof Allocation]: Allocation[Key] }>();
  for (const move of hold.moves) {
    if (!move.product) throw new Error("a hold of no product");
    const { productId } = move.product;
    const name = `${productId}=${move.location}`;
    const { location } = move;
    const line = lines.get(name) ?? { productId, location, held: 0, confirmed: 0, released: 0 };
    line.held += move.reserved;
    line.confirmed -= move.onHand;
    if (move.type === "RELEASE" || move.type === "EXPIRE") line.released -= move.reserved;
    lines.set(name, line);
  }
  return [...lines.values()];
}

export const heldBy = (hold: Hold): number =>
  hold.moves.reduce((sum, { reserved }) => sum + reserved, 0);
export const isLive = (hold: Hold): boolean => heldBy(hold) > 0;
export const hasConfirmed = (hold: Hold): boolean => hold.moves.some(({ type }) => type === "SALE");

export function reservationOf(world: World, hold: Hold): Reservation {
  const last = hold.moves.at(-1);
  if (!last) throw new Error("a hold without a movement");
  return {
    reservationId: reservationIdOf(world.partition, hold.owner, hold.generation),
    customerId: hold.customerId,
    orderId: hold.orderId,
    ...stateOf(hold, last),
    expiresAt: hold.dueSecond === null ? null : hold.dueSecond * 1_000,
    createdAt: hold.createdAt,
    seq: last.seq,
    allocations: linesOf(hold),
  };
}

function stateOf(hold: Hold, last: Move): Pick<Reservation, "status" | "endReason"> {
  if (isLive(hold)) return { status: "ACTIVE", endReason: "" };
  if (hasConfirmed(hold)) return { status: "CONFIRMED", endReason: "confirmed" };
  if (last.type === "EXPIRE") {
    const isWhole = hold.moves.every(({ type }) => type !== "RELEASE");
    return { status: "EXPIRED", endReason: isWhole ? "expired" : "expired_rest" };
  }
  return { status: "CANCELLED", endReason: hold.leftAs };
}

/** The hold that counts for that owner. */
export const holdOf = (world: World, owner: string): Hold | undefined =>
  world.holds.findLast((hold) => hold.owner === owner);

/** A movement as the journal must tell it: before and after are sums of the list up to it. */
export function movementOf(world: World, move: Move): Movement {
  const before = { onHand: 0, reserved: 0 };
  for (const other of move.product?.moves ?? []) {
    if (other.seq >= move.seq) break;
    if (other.location !== move.location) continue;
    before.onHand += other.onHand;
    before.reserved += other.reserved;
  }
  const { hold, context } = move;
  return {
    partition: world.partition,
    epoch: world.epoch,
    at: move.at,
    seq: move.seq,
    type: move.type,
    productId: move.product?.productId ?? null,
    location: move.location,
    onHandBefore: before.onHand,
    onHandAfter: before.onHand + move.onHand,
    reservedBefore: before.reserved,
    reservedAfter: before.reserved + move.reserved,
    reservationId: hold && reservationIdOf(world.partition, hold.owner, hold.generation),
    orderId: (hold ?? context).orderId ?? null,
    customerId: (hold ?? context).customerId ?? null,
    actor: context.actor,
    reason: context.reason ?? null,
    reference: context.reference ?? null,
    requestId: context.requestId ?? null,
  };
}
