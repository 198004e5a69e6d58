/** A rush before it begins: who comes when. The same seed gives the same plan. */
import type { Kind } from "#rush/kinds";
import { createRandom } from "#rush/random";

/** What is asked of a rush. */
export interface Plan {
  readonly productId: string;
  readonly units: number;
  readonly shoppers: number;
  /** Within which all of them come. */
  readonly seconds: number;
  readonly seed: number;
  readonly kinds: readonly Kind[];
  /** Of each hold. */
  readonly holdMinutes: number;
  /** How long the campaign lasts, from the first shopper on; what is left then is for who waits. */
  readonly campaignSeconds: number;
  /** A call that has no certain answer by then (milliseconds) is given up: its outcome is unknown. */
  readonly patienceMs: number;
}

/** The shortest hold that can be asked for: what is left comes back while others still want it. */
export const HOLD_MINUTES = 1;
/** What is given back at once is sold again in the campaign; what expires comes back when it is over. */
export const campaignSecondsOf = (seconds: number): number => seconds + HOLD_MINUTES * 60 - 15;
/** Above any restart of the service; within it a call is repeated under its key. */
export const PATIENCE_MS = 60_000;

export interface Order {
  readonly orderId: string;
  readonly customerId: string;
}

export interface Shopper {
  readonly kind: Kind;
  /** Milliseconds behind the beginning. */
  readonly comesAt: number;
  readonly orders: readonly Order[];
  /** From 0 to below 1, one at each look. */
  readonly chance: () => number;
}

/** All shoppers, in the order in which they come. */
export function shoppersOf(plan: Plan): readonly Shopper[] {
  const chance = createRandom(plan.seed);
  const kinds = shuffled(kindsOf(plan), chance);
  return kinds.map((kind, i) => ({
    kind,
    comesAt: (i / plan.shoppers) * plan.seconds * 1_000,
    orders: ordersOf(plan, kind, i + 1),
    chance: createRandom(Math.floor(chance() * 2 ** 32)),
  }));
}

function ordersOf({ productId }: Plan, { orders }: Kind, number: number): readonly Order[] {
  const customerId = `${productId}-shopper-${number}`;
  return Array.from({ length: orders }, (_, i) => ({
    orderId: `${productId}-${number}${orders === 1 ? "" : `-${i + 1}`}`,
    customerId,
  }));
}

/** A kind for each shopper, as near to the shares as whole shoppers come. */
function kindsOf({ kinds, shoppers }: Plan): Kind[] {
  const total = kinds.reduce((sum, { share }) => sum + share, 0);
  let reached = 0;
  return kinds.flatMap((kind) => {
    const from = Math.round((reached / total) * shoppers);
    reached += kind.share;
    return Array.from({ length: Math.round((reached / total) * shoppers) - from }, () => kind);
  });
}

function shuffled<Item>(items: readonly Item[], chance: () => number): Item[] {
  return items
    .map((item) => ({ item, at: chance() }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ item }) => item);
}
