/** Campaigns on the model: what they are, what a turn does, and what a reserve that names one takes of. */
import type { Campaign, CampaignId } from "#inventory/campaigns";
import {
  LOCATIONS_MAX,
  Place,
  STOCK_MAX,
  type Location,
  type MovementContext,
  type ProductId,
} from "#inventory/model";
import type { RequestedLine, ReserveCommand } from "#inventory/hold-ports";
import { recorded } from "#redis/recorded";
import { decided, isJournalFull, move, nowSecond, type Call, type Decision } from "#model/call";
import { availableOf, levelsOf, ruleOf, seqOf, type ModelProduct, type World } from "#model/world";

const NOWHERE = recorded<Location>("");

export const fenceAt = ({ location, campaignId }: Campaign): Location =>
  Place.parse(`${location}~${campaignId}`);

/** What changes of one that is there; each change is a movement of nothing. */
export function write(call: Call, campaign: Campaign, context: MovementContext): Campaign {
  const written = { ...campaign, updatedAt: call.now };
  call.world.campaigns.set(campaign.campaignId, written);
  note(call, campaign.campaignId, context);
  return written;
}

export function erase(call: Call, { campaignId }: Campaign, context: MovementContext): void {
  call.world.campaigns.delete(campaignId);
  note(call, campaignId, context);
}

function note(call: Call, campaignId: CampaignId, context: MovementContext): void {
  move(call, { type: "RECORD", product: null, location: NOWHERE, context });
  const { world, records } = call;
  const seq = seqOf(world);
  // Whatever else the call does with it, the journal has it as it is at the end.
  records.set(`campaign/${campaignId}`, () => {
    const campaign = world.campaigns.get(campaignId);
    return { kind: "campaign", id: campaignId, text: campaign ? textOf(campaign) : null, seq };
  });
}

export function textOf(campaign: Campaign): string {
  const { startsAt, endsAt, holdSeconds, stoppedAt, createdAt, updatedAt } = campaign;
  const products = campaign.products.map(
    ({ productId, quantity, fenced }) => `${productId}=${quantity}=${fenced}`,
  );
  const times = [startsAt, endsAt, holdSeconds ?? 0, stoppedAt ?? 0, createdAt, updatedAt];
  const texts = [JSON.stringify(campaign.name), products.join(",")];
  const { maxPerCustomer, limitSince } = campaign;
  const limit = maxPerCustomer === null ? [] : [maxPerCustomer, limitSince ?? 0];
  const format = maxPerCustomer === null ? 1 : 2;
  return [format, campaign.state, campaign.location, ...times, ...texts, ...limit].join("\t");
}

const systemContext = ({ campaignId }: Campaign, reason: string): MovementContext => {
  return { actor: "system:campaigns", reason, reference: `campaign:${campaignId}` };
};

export function decideTurn(call: Call, campaignId: CampaignId): Decision {
  const campaign = call.world.campaigns.get(campaignId);
  if (!campaign) return decided("unknown");
  const isOver = campaign.stoppedAt !== null || campaign.endsAt <= call.now;
  if (campaign.state === "scheduled" && !isOver && campaign.startsAt <= call.now) {
    if (!isJournalFull(call) && !start(call, campaign)) return decided("due");
  } else if (campaign.state !== "closed" && isOver) {
    end(call, campaign);
  }
  return decided("turned");
}

/** Answers false where units that it lacks may be due. */
function start(call: Call, campaign: Campaign): boolean {
  const { world } = call;
  const fence = fenceAt(campaign);
  const context = systemContext(campaign, "campaign_started");
  const products = campaign.products.map((line) => {
    const product = productOf(world, line.productId);
    return { ...line, fenced: Math.min(line.quantity, sparable(product, campaign.location)) };
  });
  const isShort = products.some(({ quantity, fenced }) => fenced < quantity);
  if (isShort && world.swept < nowSecond(call)) return false;
  for (const { productId, fenced } of products) {
    if (fenced > 0) transfer(call, productId, campaign.location, fence, fenced, context);
  }
  write(call, { ...campaign, state: "running", products }, context);
  return true;
}

function sparable(product: ModelProduct, location: Location): number {
  const levels = levelsOf(product);
  const level = levels.get(location);
  const isOpen = ruleOf(product.registry, location).active && levels.size < LOCATIONS_MAX;
  if (!level || !isOpen) return 0;
  return Math.max(0, Math.min(level.onHand - level.reserved, availableOf(product)));
}

/** What nobody holds goes back, and a level that is empty then is no more. */
export function end(call: Call, campaign: Campaign): Campaign {
  const { world } = call;
  const fence = fenceAt(campaign);
  const context = systemContext(campaign, "campaign_ended");
  let isEmpty = true;
  for (const { productId } of campaign.products) {
    const product = productOf(world, productId);
    const level = levelsOf(product).get(fence);
    if (!level) continue;
    const room = STOCK_MAX - (levelsOf(product).get(campaign.location)?.onHand ?? 0);
    const units = Math.min(level.onHand - level.reserved, room);
    if (units > 0) transfer(call, productId, fence, campaign.location, units, context);
    if (level.onHand > units) {
      isEmpty = false;
      continue;
    }
    const isMoved = product.moves.some(({ seq }) => seq > call.first);
    if (!isMoved) move(call, { type: "ATTRIBUTE", product, location: fence, context });
    product.gone.add(fence);
    call.amended.add(product);
  }
  return isEmpty ? write(call, { ...campaign, state: "closed" }, context) : campaign;
}

function transfer(
  call: Call,
  productId: ProductId,
  from: Location,
  to: Location,
  units: number,
  context: MovementContext,
): void {
  const product = productOf(call.world, productId);
  if (!levelsOf(product).has(to)) call.amended.add(product);
  move(call, { type: "TRANSFER", product, location: from, onHand: -units, context });
  move(call, { type: "TRANSFER", product, location: to, onHand: units, context });
}

function productOf(world: World, productId: ProductId): ModelProduct {
  const product = world.products.get(productId);
  if (!product) throw new Error(`the model has no product ${productId}`);
  return product;
}

export interface Entered {
  readonly lines: readonly RequestedLine[];
  readonly holdSeconds: number | null;
  /** Where it is no campaign of theirs at all. */
  readonly refused: Decision | null;
  /** Why nothing more is had of it now. */
  readonly closed: Decision | null;
}

const refusal = (word: string, why: string, more: object = {}): Decision =>
  decided(`campaign_${word}`, { kind: "campaign_refused", why, ...more });

/** What a command asks for, and of what: of its campaign's ring-fences, if it names one. */
export function enter({ world, now }: Call, command: ReserveCommand): Entered {
  const { campaignId, lines, holdSeconds } = command;
  const open = { lines, holdSeconds, refused: null, closed: null };
  if (campaignId === undefined) return open;
  const campaign = world.campaigns.get(campaignId);
  if (!campaign) return { ...open, refused: refusal("unknown", "unknown") };
  const lacking = lines.find(
    ({ productId }) => !campaign.products.some((line) => line.productId === productId),
  );
  if (lacking) {
    const { productId } = lacking;
    return { ...open, refused: refusal("lacks", "lacks", { productId }) };
  }
  const location = fenceAt(campaign);
  return {
    lines: lines.map((line) => ({ ...line, location })),
    holdSeconds: holdSeconds === null ? null : (campaign.holdSeconds ?? holdSeconds),
    refused: null,
    closed: closedAt(campaign, now),
  };
}

function closedAt({ startsAt, endsAt, stoppedAt, state }: Campaign, now: number): Decision | null {
  if (stoppedAt !== null) return refusal("stopped", "stopped", { endsAt });
  if (endsAt <= now) return refusal("ended", "ended", { endsAt });
  if (startsAt > now) return refusal("not_started", "not_started", { startsAt });
  return state === "scheduled" ? decided("campaign_due") : null;
}
