/**
 * Limits of what one customer may have: what it has is never stored either, it is read off the movements of
 * the products that a rule is over, from the first that the rule counts.
 */
import type { Campaign, CampaignId } from "#inventory/campaigns";
import type { CustomerId, Location, ProductId } from "#inventory/model";
import type { Quota } from "#inventory/hold-ports";
import type { NamedLimit } from "#inventory/limit-ports";
import { campaignLimitKey, limitKey, ruleKey } from "#redis/keys";
import { customerField, HOLDS_FIELD } from "#inventory/limits";
import { fenceAt } from "#model/campaigns";
import {
  heldBy,
  isLive,
  levelsOf,
  linesOf,
  type Hold,
  type ModelProduct,
  type Move,
  type World,
} from "#model/world";

const HOUR_MS = 3_600_000;

/** Whose the units of a line would be. */
export interface Buyer {
  readonly customerId: CustomerId | null;
  /** When the hold that they would belong to was made. */
  readonly createdAt: number;
  /** The hold that they would be added to. */
  readonly addedTo?: Hold | undefined;
  /** Nothing of them would be held. */
  readonly isSale?: boolean;
}

interface Rule {
  readonly key: string;
  /** From when on it counts, in the window that is now. */
  readonly since: number;
  readonly maxUnits: number;
  readonly maxHolds: number | null;
  readonly isOfHeld: boolean;
  readonly isOver: (productId: ProductId) => boolean;
  /** Where the units are that it counts; absent: anywhere. */
  readonly location?: Location;
  /** Of one with a name, and of one that is a campaign's. */
  readonly limitId?: string;
  readonly campaignId?: CampaignId;
  readonly endsAt?: number;
}

/** From when on the product's own limit counts; one that never got another: since it is there. */
export const sinceOf = ({ limitSince, moves }: ModelProduct): number =>
  limitSince ?? moves[0]?.at ?? 0;

function ownRule(partition: number, product: ModelProduct): Rule | null {
  const { maxPerCustomer } = product.attributes;
  if (maxPerCustomer === null) return null;
  return {
    key: limitKey(partition, product.productId),
    since: sinceOf(product),
    maxUnits: maxPerCustomer,
    maxHolds: null,
    isOfHeld: false,
    isOver: (productId) => productId === product.productId,
  };
}

export function namedRule(partition: number, limit: NamedLimit, now: number): Rule {
  const { limitId, products, windowHours, maxUnits, maxHolds } = limit;
  const ms = (windowHours ?? 0) * HOUR_MS;
  const window = windowHours === null ? 0 : Math.floor(now / ms);
  return {
    key: ruleKey(partition, limitId, windowHours === null ? "always" : String(window)),
    since: Math.max(limit.since, window * ms),
    maxUnits,
    maxHolds,
    isOfHeld: limit.counts === "held",
    isOver: (productId) => products === "all" || products.includes(productId),
    limitId,
    ...(windowHours === null ? {} : { endsAt: (window + 1) * ms }),
  };
}

/** In the order in which they are asked: the product's own, those over all, and those that name it. */
function rulesOf(world: World, product: ModelProduct, now: number): Rule[] {
  const limits = [...world.limits.values()];
  const ofAll = limits.filter(({ products }) => products === "all");
  const named = limits.filter(({ products }) => products !== "all");
  const rules = [...ofAll, ...named].map((limit) => namedRule(world.partition, limit, now));
  const own = ownRule(world.partition, product);
  const fences = levelsOf(product);
  const campaigns = [...world.campaigns.values()]
    .filter((campaign) => fences.has(fenceAt(campaign)))
    .flatMap((campaign) => campaignRules(world, campaign, now));
  const others = [...rules, ...campaigns].filter(({ isOver }) => isOver(product.productId));
  return [...(own ? [own] : []), ...others];
}

/** What a campaign that is not over says of each of its products, of units at its ring-fence. */
function campaignRules({ partition }: World, campaign: Campaign, now: number): Rule[] {
  const { campaignId, maxPerCustomer, limitSince, stoppedAt, endsAt } = campaign;
  if (maxPerCustomer === null || stoppedAt !== null || endsAt <= now) return [];
  return campaign.products.map((line) => {
    return {
      key: campaignLimitKey(partition, campaignId, line.productId),
      since: limitSince ?? 0,
      maxUnits: maxPerCustomer,
      maxHolds: null,
      isOfHeld: false,
      isOver: (productId) => productId === line.productId,
      location: fenceAt(campaign),
      campaignId,
      endsAt,
    };
  });
}

const isAt = (rule: Rule, location: Location | null): boolean =>
  rule.location === undefined || rule.location === location;

export const hasRules = (world: World, product: ModelProduct, now: number): boolean =>
  rulesOf(world, product, now).length > 0;

/** Whose units a movement changes, and by how many; null: nobody's that is counted. */
function change(rule: Rule, move: Move): { customerId: CustomerId; units: number } | null {
  if (!move.product || !rule.isOver(move.product.productId)) return null;
  if (move.back) {
    const { customerId, steps } = move.back;
    let counted = 0;
    for (const { at, units: moved, campaignId } of steps) {
      const isIts = rule.campaignId === undefined || rule.campaignId === campaignId;
      if (at === null) counted = Math.max(0, counted - moved);
      else if (isIts && at >= rule.since) counted += moved;
    }
    const units = rule.isOfHeld ? 0 : -Math.min(move.onHand, counted);
    return { customerId, units };
  }
  const { customerId = null } = move.hold ?? move.context;
  const isCounted = (move.hold?.createdAt ?? move.at) >= rule.since;
  const isTaken = move.hold !== null || move.type === "SALE";
  if (customerId === null || !isCounted || !isTaken || !isAt(rule, move.location)) return null;
  return { customerId, units: rule.isOfHeld ? move.reserved : move.reserved - move.onHand };
}

/** Units that each customer has under a rule: never below none. */
function countsUnder(world: World, rule: Rule): Map<CustomerId, number> {
  const counts = new Map<CustomerId, number>();
  for (const move of world.moves) {
    const { customerId, units } = change(rule, move) ?? {};
    if (customerId === undefined || units === undefined) continue;
    const after = Math.max(0, (counts.get(customerId) ?? 0) + units);
    if (after > 0) counts.set(customerId, after);
    else counts.delete(customerId);
  }
  return counts;
}

const heldUnder = (rule: Rule, hold: Hold | undefined): number =>
  (hold && hold.createdAt >= rule.since ? linesOf(hold) : [])
    .filter(({ productId, location }) => rule.isOver(productId) && isAt(rule, location))
    .reduce((sum, line) => sum + line.held, 0);

/** Live holds that each customer has under a rule. */
function holdsUnder(world: World, rule: Rule): Map<CustomerId, number> {
  const counts = new Map<CustomerId, number>();
  for (const hold of world.holds) {
    const { customerId } = hold;
    if (customerId === null || heldBy(hold) === 0 || !isLive(hold)) continue;
    if (heldUnder(rule, hold) > 0) counts.set(customerId, (counts.get(customerId) ?? 0) + 1);
  }
  return counts;
}

/** What a rule leaves to a buyer, were that hold given back; null: as much as there is. */
function leftUnder(world: World, rule: Rule, buyer: Buyer, given: Hold | undefined): Quota | null {
  const { customerId, createdAt, addedTo, isSale = false } = buyer;
  if (customerId === null || createdAt < rule.since || (isSale && rule.isOfHeld)) return null;
  const own = heldUnder(rule, given);
  const { maxUnits, maxHolds } = rule;
  const told = {
    maxPerCustomer: maxUnits,
    ...(rule.limitId === undefined ? {} : { limitId: rule.limitId }),
    ...(rule.campaignId === undefined ? {} : { campaignId: rule.campaignId }),
    ...(rule.endsAt === undefined ? {} : { windowEndsAt: rule.endsAt }),
  };
  if (maxHolds !== null && heldUnder(rule, addedTo) === 0) {
    const holds = (holdsUnder(world, rule).get(customerId) ?? 0) - (own > 0 ? 1 : 0);
    if (holds >= maxHolds) return { ...told, left: 0, maxHolds };
  }
  const had = Math.max(0, (countsUnder(world, rule).get(customerId) ?? 0) - own);
  return { ...told, left: Math.max(0, maxUnits - had) };
}

/** Asks the rules over one line after the other: what one of them takes is gone for the next. */
export class Asking {
  readonly #world: World;
  readonly #now: number;
  readonly #buyer: Buyer;
  readonly #given: Hold | undefined;
  readonly #left = new Map<string, Quota | null>();

  constructor(world: World, now: number, buyer: Buyer, given: Hold | undefined) {
    this.#world = world;
    this.#now = now;
    this.#buyer = buyer;
    this.#given = given;
  }

  /** What may be had of it; null: as much as there is. */
  ask(product: ModelProduct, location: Location | null): Quota | null {
    let least: Quota | null = null;
    for (const rule of rulesOf(this.#world, product, this.#now)) {
      if (!isAt(rule, location)) continue;
      if (!this.#left.has(rule.key)) {
        this.#left.set(rule.key, leftUnder(this.#world, rule, this.#buyer, this.#given));
      }
      const quota = this.#left.get(rule.key) ?? null;
      if (quota !== null && (least === null || quota.left < least.left)) least = quota;
    }
    return least;
  }

  take(product: ModelProduct, location: Location | null, units: number): void {
    for (const rule of rulesOf(this.#world, product, this.#now)) {
      const { key } = rule;
      const quota = isAt(rule, location) ? this.#left.get(key) : undefined;
      if (quota) this.#left.set(key, { ...quota, left: Math.max(0, quota.left - units) });
    }
  }
}

/** The keys that count, with their fields and when they end: of products' own limits, and of those with a name. */
export function expectedLimits(world: World) {
  const own = Array.from(world.products.values(), (product) => ownRule(world.partition, product));
  const named = Array.from(world.limits.values(), (limit) =>
    namedRule(world.partition, limit, world.lastNow),
  );
  const campaigns = [...world.campaigns.values()].flatMap((campaign) =>
    campaignRules(world, campaign, world.lastNow),
  );
  return [...own, ...named, ...campaigns].flatMap((rule) => {
    if (rule === null) return [];
    const units = Array.from(countsUnder(world, rule), ([customerId, count]) => {
      return [customerField(customerId), String(count)] as const;
    });
    const holds = rule.maxHolds === null ? [] : [...holdsUnder(world, rule)];
    const counted = holds.map(([customerId, count]) => {
      return [`${customerField(customerId)}${HOLDS_FIELD}`, String(count)] as const;
    });
    const fields = [...units, ...counted];
    if (fields.length === 0) return [];
    return [{ key: rule.key, fields: Object.fromEntries(fields), endsAt: rule.endsAt ?? null }];
  });
}
