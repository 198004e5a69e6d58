/** What a line can have of the stock, and where from: shared by reserve, sell, and sales after expiry. */
import type { Location, ProductId } from "#inventory/model";
import type { RequestedLine, ShortLine } from "#inventory/ports";
import { decided, type Call, type Decision } from "#model/call";
import { Asking, type Buyer } from "#model/limits";
import {
  availableOf,
  homeOf,
  levelsOf,
  linesOf,
  ruleOf,
  type Hold,
  type ModelProduct,
  type World,
} from "#model/world";

export interface Measured {
  readonly line: RequestedLine;
  /** What it gets: as much as can be had of what it asks for. */
  readonly units: number;
}

/**
 * Units of each line, as if the live hold were given back first, the lines that are short, and how that is
 * refused: what a customer may not have is told before what is not there.
 */
export function measure(
  { world, now }: Call,
  lines: readonly RequestedLine[],
  live: Hold | undefined,
  buyer: Buyer,
): {
  readonly measured: readonly Measured[];
  readonly short: readonly ShortLine[];
  readonly refused: Decision;
} {
  const short: ShortLine[] = [];
  const asking = new Asking(world, now, buyer, live);
  const measured = lines.map((line) => {
    const product = knownProductOf(world, line.productId);
    const quota = asking.ask(product);
    const largest = Math.min(takeable(world, line, live), quota?.left ?? Infinity);
    if (largest < line.quantity) {
      const isAbove = quota !== null && quota.left < line.quantity;
      short.push({ ...shortLine(world, line, largest), ...(isAbove ? { quota } : {}) });
    }
    const units = Math.min(largest, line.quantity);
    asking.take(product, units);
    return { line, units };
  });
  const above = short.filter(({ quota }) => quota !== undefined);
  const kind = above.length > 0 ? "above_quota" : "insufficient";
  const told = above.length > 0 ? above : short;
  return { measured, short, refused: decided(kind, { kind, lines: told }) };
}

function shortLine(world: World, line: RequestedLine, largest: number): ShortLine {
  return {
    productId: line.productId,
    requested: line.quantity,
    largest,
    available: takeable(world, line, undefined),
    locations: freeLevels(knownProductOf(world, line.productId)),
    // An explanation from another look, which may be missing: no comparison looks at it.
    nextHoldEndsAt: null,
  };
}

/** What nobody holds at the active locations, in the order of taking: home, then the highest priority. */
function freeLevels(product: ModelProduct): { location: Location; available: number }[] {
  const home = homeOf(product);
  const rank = (location: Location): number =>
    location === home ? Infinity : ruleOf(product.registry, location).priority;
  return Array.from(levelsOf(product), ([location, { onHand, reserved }]) => {
    return { location, available: onHand - reserved };
  })
    .filter(({ location }) => ruleOf(product.registry, location).active)
    .toSorted((one, other) => rank(other.location) - rank(one.location));
}

/** Units that line could have: what is there for everybody, and what that live hold has. */
function takeable(world: World, line: RequestedLine, live: Hold | undefined): number {
  const product = knownProductOf(world, line.productId);
  const own = (live ? linesOf(live) : [])
    .filter(({ productId }) => productId === line.productId)
    .filter(({ location }) => ruleOf(product.registry, location).active);
  const ofAll = Math.max(0, availableOf(product));
  const ofProduct = ofAll + own.reduce((sum, { held }) => sum + held, 0);
  if (line.location === null) return ofProduct;
  const there = freeLevels(product).find(({ location }) => location === line.location);
  const ownThere = own.find(({ location }) => location === line.location)?.held ?? 0;
  return Math.min(ofProduct, (there?.available ?? 0) + ownThere);
}

/** Where units of a line come from: its location, or all of the product's. */
export function places(
  product: ModelProduct,
  { line, units }: Measured,
): readonly { readonly location: Location; readonly quantity: number }[] {
  let left = units;
  const taken = [];
  for (const { location, available } of freeLevels(product)) {
    const quantity = Math.min(left, available);
    if (quantity <= 0 || (line.location !== null && line.location !== location)) continue;
    taken.push({ location, quantity });
    left -= quantity;
  }
  if (left > 0) throw new Error("the model took fewer units than it counted");
  return taken;
}

export function knownProductOf(world: World, productId: ProductId): ModelProduct {
  const product = world.products.get(productId);
  if (!product) throw new Error(`the model has no product ${productId}`);
  return product;
}
