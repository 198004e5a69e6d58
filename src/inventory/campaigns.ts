/** Campaigns: units of some products that stand aside for a time, and whoever names it takes of them alone. */
import { z } from "zod";
import { commandBase, type Deps, type ReadContext, type RequestContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import { type Location, type Product, type ProductId } from "#inventory/model";
import type { CommandBase } from "#inventory/ports";

/** Of one campaign: a turn moves all of them in one script; twin: lua/campaign/schedule.lua. */
export const CAMPAIGN_PRODUCTS_MAX = 100;
/** As long as any hold may live. */
export const CAMPAIGN_HOLD_SECONDS_MAX = 86_400;

/** `p<partition>-<8 characters>`: where it lives, and which one; any other is of no campaign. */
export const CampaignId = z
  .string()
  .regex(/^[0-9a-z-]{1,64}$/, "must be the id of a campaign: 1-64 of a-z, 0-9 and -")
  .brand<"CampaignId">();
export type CampaignId = z.infer<typeof CampaignId>;

/** What its record says was done: what is open, and what is over, the clock says too. */
export const CAMPAIGN_STATES = ["scheduled", "running", "closed"] as const;
export type CampaignState = (typeof CAMPAIGN_STATES)[number];

export interface CampaignLine {
  readonly productId: ProductId;
  /** Units that shall be ring-fenced. */
  readonly quantity: number;
  /** Units that were, when it started: at most as many as were free. */
  readonly fenced: number;
}

/** Times are epoch milliseconds by Redis's clock. */
export interface CampaignPlan {
  readonly name: string;
  /** Where its units come from and go back to. */
  readonly location: Location;
  readonly startsAt: number;
  readonly endsAt: number;
  /** How long its holds live; null: as whoever reserves asks. */
  readonly holdSeconds: number | null;
  /** Units of each product that one customer may have through it; null: as many as there are. */
  readonly maxPerCustomer: number | null;
  readonly products: readonly Pick<CampaignLine, "productId" | "quantity">[];
}

export interface Campaign extends Omit<CampaignPlan, "products"> {
  readonly campaignId: CampaignId;
  readonly state: CampaignState;
  /** From when on holds count against `maxPerCustomer`; null: from its start, or it has no limit. */
  readonly limitSince: number | null;
  /** null: nobody stopped it. */
  readonly stoppedAt: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly products: readonly CampaignLine[];
}

export interface ScheduleCommand extends CommandBase, CampaignPlan {
  readonly campaignId: CampaignId;
  /** Whether it is to be made, or is there and has not begun. */
  readonly isNew: boolean;
}
export interface CampaignCommand extends CommandBase {
  readonly campaignId: CampaignId;
}
interface Shown {
  readonly campaign: Campaign;
}
/** It was done, by this call or by an earlier copy of it. */
interface Done extends Shown {
  readonly replayed: boolean;
}
interface NotThere {
  readonly kind: "unknown_campaign" | "key_reused";
}
/** It has started, or is over. */
interface Begun extends Shown {
  readonly kind: "begun";
}
export type ScheduleOutcome =
  | (Done & { readonly kind: "scheduled" })
  | Begun
  | NotThere
  /** It would be over by now; or there are as many as there may be. */
  | { readonly kind: "past" | "above_limit" }
  | { readonly kind: "unknown_product"; readonly productId: ProductId };
/** `over`: it had ended, or was stopped before; nothing was changed. */
export type StopOutcome = (Done & { readonly kind: "stopped" | "over" }) | NotThere;
export type RemoveOutcome = (Done & { readonly kind: "removed" }) | Begun | NotThere;

/** Why nothing is had of a campaign; nothing was changed. */
export type CampaignRefused = { readonly kind: "campaign_refused" } & (
  | { readonly why: "unknown" }
  | { readonly why: "lacks"; readonly productId: ProductId }
  | { readonly why: "not_started"; readonly startsAt: number }
  | { readonly why: "ended" | "stopped"; readonly endsAt: number }
);

/** Redis as what keeps them. */
export interface CampaignStore {
  schedule(command: ScheduleCommand): Promise<ScheduleOutcome>;
  stop(command: CampaignCommand): Promise<StopOutcome>;
  remove(command: CampaignCommand): Promise<RemoveOutcome>;
  one(campaignId: CampaignId, deadline: number): Promise<Campaign | null>;
  all(deadline: number): Promise<readonly Campaign[]>;
  /** Does what is due of the partition's campaigns: units into ring-fences, and out of them. */
  turnDue(partition: number, deadline?: number): Promise<void>;
}

export const CAMPAIGN_STATUSES = ["scheduled", "running", "stopped", "ended", "closed"] as const;
/** `ended` and `stopped` still have units that are held; `closed` has none. */
export type CampaignStatus = (typeof CAMPAIGN_STATUSES)[number];

export function statusOf(campaign: Campaign, now: number): CampaignStatus {
  if (campaign.state === "closed") return "closed";
  if (campaign.stoppedAt !== null) return "stopped";
  if (campaign.endsAt <= now) return "ended";
  return campaign.startsAt <= now ? "running" : "scheduled";
}

/** A campaign with Redis's time when it was read. */
export interface SeenCampaign {
  readonly campaign: Campaign;
  readonly now: number;
}
/** And of each of its products, in their order, the units that nobody holds. */
export interface CampaignDetail extends SeenCampaign {
  readonly available: readonly number[];
}

export const fenceOf = ({ campaignId, location }: Campaign): string => `${location}~${campaignId}`;

/** The rule of a campaign's own limit, of one of its products. */
export const campaignRule = (campaignId: string, productId: string): string =>
  `campaign:${campaignId}:${productId}`;

/** By Redis's clock, epoch milliseconds. */
const timeOf = ({ store }: Deps, partition: number): number => -store.msUntil(partition, 0);

/** null: no campaign has such an id. */
export function partitionOfCampaign(campaignId: CampaignId): number | null {
  const [, digits] = /^p(0|[1-9]\d{0,3})-/.exec(campaignId) ?? [];
  return digits === undefined ? null : Number(digits);
}

const seen = (deps: Deps, campaign: Campaign): SeenCampaign => {
  return { campaign, now: timeOf(deps, partitionOfCampaign(campaign.campaignId) ?? 0) };
};

/** Makes a campaign. Rejects with `validation_failed` and `cart_spans_partitions`. */
export async function createCampaign(
  deps: Deps,
  ctx: RequestContext,
  plan: CampaignPlan,
): Promise<ScheduleOutcome> {
  mustBeWhole(deps, plan);
  const partitions = new Set(
    plan.products.map(({ productId }) => deps.store.partitionOf(productId)),
  );
  const [partition = 0] = partitions;
  if (partitions.size > 1) {
    throw new Fault(
      "cart_spans_partitions",
      "the products of this campaign live in several partitions",
    );
  }
  const campaignId = CampaignId.parse(`p${partition}-${deps.newGeneration()}`);
  return await deps.store.campaigns.schedule({ ...base(ctx, campaignId), ...plan, isNew: true });
}

/**
 * Changes a campaign that has not begun, as a whole; of one that runs, its limit where all else is said as it is.
 * Rejects as `createCampaign` does.
 */
export async function amendCampaign(
  deps: Deps,
  ctx: RequestContext,
  { campaignId, ...plan }: CampaignPlan & { readonly campaignId: CampaignId },
): Promise<ScheduleOutcome> {
  mustBeWhole(deps, plan);
  const partition = partitionOfCampaign(campaignId);
  if (plan.products.some(({ productId }) => deps.store.partitionOf(productId) !== partition)) {
    throw new Fault(
      "cart_spans_partitions",
      "a product lives in another partition than the campaign",
    );
  }
  return await deps.store.campaigns.schedule({ ...base(ctx, campaignId), ...plan, isNew: false });
}

/** Nobody takes of it from then on; what nobody holds goes back at once. */
export const stopCampaign = (deps: Deps, ctx: RequestContext, campaignId: CampaignId) =>
  deps.store.campaigns.stop(base(ctx, campaignId));

/** Removes one that has not begun, or that is closed. */
export const removeCampaign = (deps: Deps, ctx: RequestContext, campaignId: CampaignId) =>
  deps.store.campaigns.remove(base(ctx, campaignId));

/** Soonest first. */
export async function listCampaigns(deps: Deps, ctx: ReadContext): Promise<SeenCampaign[]> {
  const campaigns = await deps.store.campaigns.all(ctx.deadline);
  return campaigns
    .toSorted((a, b) => a.startsAt - b.startsAt || (a.campaignId < b.campaignId ? -1 : 1))
    .map((campaign) => seen(deps, campaign));
}

export async function readCampaign(
  deps: Deps,
  ctx: ReadContext,
  campaignId: CampaignId,
): Promise<CampaignDetail | null> {
  const campaign = await deps.store.campaigns.one(campaignId, ctx.deadline);
  if (campaign === null) return null;
  const productIds = campaign.products.map(({ productId }) => productId);
  const found = await deps.store.products(productIds, ctx.deadline);
  const fence = fenceOf(campaign);
  const available = productIds.map((_, i) => freeAt(found[i] ?? null, fence));
  return { ...seen(deps, campaign), available };
}

function freeAt(product: Product | null, fence: string): number {
  const level = product?.levels.find(({ location }) => location === fence);
  return level === undefined ? 0 : level.onHand - level.reserved;
}

function base(ctx: RequestContext, campaignId: CampaignId) {
  return { ...commandBase(ctx, { reference: `campaign:${campaignId}` }), campaignId };
}

function mustBeWhole({ policy }: Deps, plan: CampaignPlan): void {
  const secondsMax = policy.reservationMinutesMax * 60;
  if (plan.holdSeconds !== null && plan.holdSeconds > secondsMax) {
    throw refusal("holdSeconds", `must be at most ${secondsMax}`);
  }
  if (plan.startsAt >= plan.endsAt) throw refusal("endsAt", "must be after startsAt");
  const ids = new Set(plan.products.map(({ productId }) => productId));
  if (ids.size < plan.products.length) throw refusal("products", "must name each product once");
}

function refusal(path: string, message: string): Fault {
  return new Fault("validation_failed", `${path} ${message}`, { errors: [{ path, message }] });
}
