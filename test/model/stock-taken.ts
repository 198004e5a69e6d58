/** What a line can have of the stock, and where from: shared by reserve, sell, and sales after expiry. */
import { campaignAt, type Location, type ProductId } from "#inventory/model";
import type { RequestedLine, ShortLine } from "#inventory/ports";
import { decided, type Call, type Decision } from "#model/call";
import { Asking, type Buyer } from "#model/limits";
import { lineOf } from "#model/waitlist";
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
  isOffered = false,
): {
  readonly measured: readonly Measured[];
  readonly short: readonly ShortLine[];
  readonly refused: Decision;
} {
  const short: ShortLine[] = [];
  const asking = new Asking(world, now, buyer, live);
  const measured = lines.map((line) => {
    const product = knownProductOf(world, line.productId);
    const quota = asking.ask(product, line.location);
    const largest = Math.min(takeable(world, line, live, isOffered), quota?.left ?? Infinity);
    if (largest < line.quantity) {
      const isAbove = quota !== null && quota.left < line.quantity;
      short.push({ ...shortLine(world, line, largest), ...(isAbove ? { quota } : {}) });
    }
    const units = Math.min(largest, line.quantity);
    asking.take(product, line.location, units);
    return { line, units };
  });
  const above = short.filter(({ quota }) => quota !== undefined);
  const kind = above.length > 0 ? "above_quota" : "insufficient";
  const told = above.length > 0 ? above : short;
  return { measured, short, refused: decided(kind, { kind, lines: told }) };
}

function shortLine(world: World, line: RequestedLine, largest: number): ShortLine {
  // Who waits, waits for what is free beside campaigns.
  const isOfCampaign = line.location !== null && campaignAt(line.location) !== null;
  const waiting = isOfCampaign ? 0 : lineOf(world, line.productId).length;
  return {
    ...(waiting > 0 ? { waiting } : {}),
    productId: line.productId,
    requested: line.quantity,
    largest,
    available: takeable(world, line, undefined),
    locations: freeLevelsFor(knownProductOf(world, line.productId), line),
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

/** Of a campaign's line its ring-fence alone, whatever the registry says of it. */
function freeLevelsFor(product: ModelProduct, { location }: RequestedLine) {
  if (location === null || campaignAt(location) === null) return freeLevels(product);
  const level = levelsOf(product).get(location);
  return level ? [{ location, available: level.onHand - level.reserved }] : [];
}

/** What a ring-fence has, where the location that it is of is active, and what that live hold has of it. */
function takeableInFence(product: ModelProduct, fence: Location, live: Hold | undefined): number {
  const base = [...levelsOf(product).keys()].find((it) => fence.startsWith(`${it}~`));
  const level = levelsOf(product).get(fence);
  const isOpen = base !== undefined && ruleOf(product.registry, base).active;
  const own = (live ? linesOf(live) : []).find(
    ({ productId, location }) => productId === product.productId && location === fence,
  );
  return (level && isOpen ? level.onHand - level.reserved : 0) + (own?.held ?? 0);
}

/** Units that line could have: what is there for everybody, and what that live hold has. */
function takeable(
  world: World,
  line: RequestedLine,
  live: Hold | undefined,
  isOffered = false,
): number {
  const product = knownProductOf(world, line.productId);
  const { location: at } = line;
  if (at !== null && campaignAt(at) !== null) return takeableInFence(product, at, live);
  const own = (live ? linesOf(live) : [])
    .filter(({ productId }) => productId === line.productId)
    .filter(({ location }) => ruleOf(product.registry, location).active);
  // While somebody waits, what is free is the line's.
  const isTheirs = lineOf(world, line.productId).length > 0 && !isOffered;
  const ofAll = isTheirs ? 0 : Math.max(0, availableOf(product));
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
  for (const { location, available } of freeLevelsFor(product, line)) {
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
