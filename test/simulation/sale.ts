/** The operations of a sale: a limit with a name, a campaign, and places in line. */
import {
  amendCampaign,
  createCampaign,
  removeCampaign,
  stopCampaign,
  type CampaignId,
  type CampaignPlan,
} from "#inventory/campaigns";
import type { LimitTerms } from "#inventory/limit-ports";
import { OrderId, type ProductId, type Reservation } from "#inventory/model";
import { putLimit, removeLimit } from "#inventory/put-limit";
import { joinWaitlist, leaveWaitlist, placeInWaitlist } from "#inventory/waitlist";
import type { PlaceOutcome } from "#inventory/waitlist-ports";
import type { Asking, Outcome } from "./callers.ts";
import { customerOf, refused } from "./verbs.ts";

/** A record changed, and no units. */
const RECORDED: Outcome = {
  kind: "done",
  type: "RECORD",
  units: 0,
  reservation: null,
  versions: [],
};
const NOTHING_NEW: Outcome = { kind: "read" };

export const LIMIT_ID = "few-for-each";

export function limit(id: string, terms: LimitTerms): Asking {
  const { maxUnits, maxHolds, counts, windowHours } = terms;
  return {
    id,
    told: `limit of ${maxUnits} ${counts} in ${maxHolds ?? "any"} holds, ${windowHours ?? "no"} h`,
    isKeyed: true,
    async ask(deps, ctx) {
      const input = { limitId: LIMIT_ID, expectedVersion: null, ...terms };
      const { kind } = await putLimit(deps, ctx, input);
      if (kind === "kept") return NOTHING_NEW;
      return kind === "made" || kind === "put" ? RECORDED : refused(kind);
    },
  };
}

export function noLimit(id: string): Asking {
  return {
    id,
    told: "remove the limit",
    isKeyed: true,
    async ask(deps, ctx) {
      const input = { limitId: LIMIT_ID, expectedVersion: null };
      const { kind } = await removeLimit(deps, ctx, input);
      return kind === "removed" ? RECORDED : refused(kind);
    },
  };
}

/** Plans one, or another one of it before it begins; `known` is told of its id. */
export function campaign(
  id: string,
  plan: CampaignPlan,
  of: CampaignId | null,
  known: (campaignId: CampaignId) => void,
): Asking {
  const { startsAt, endsAt } = plan;
  return {
    id,
    told: `plan ${of ?? "a campaign"} from ${startsAt} to ${endsAt}`,
    isKeyed: true,
    async ask(deps, ctx) {
      const outcome =
        of === null
          ? await createCampaign(deps, ctx, plan)
          : await amendCampaign(deps, ctx, { campaignId: of, ...plan });
      if (outcome.kind !== "scheduled") return refused(outcome.kind);
      known(outcome.campaign.campaignId);
      return RECORDED;
    },
  };
}

export function stop(id: string, of: CampaignId): Asking {
  return {
    id,
    told: `stop ${of}`,
    isKeyed: true,
    async ask(deps, ctx) {
      const { kind } = await stopCampaign(deps, ctx, of);
      return kind === "stopped" ? RECORDED : refused(kind);
    },
  };
}

export function forget(id: string, of: CampaignId): Asking {
  return {
    id,
    told: `remove ${of}`,
    isKeyed: true,
    async ask(deps, ctx) {
      const { kind } = await removeCampaign(deps, ctx, of);
      return kind === "removed" ? RECORDED : refused(kind);
    },
  };
}

/** A place that somebody asked for: its order is the operation that did. */
export interface Wish {
  readonly id: string;
  readonly product: ProductId;
}

/** What is offered is a hold that its owner goes on with. */
type Offered = (reservation: Reservation) => void;

const whose = ({ id, product }: Wish) => {
  return { productId: product, orderId: OrderId.parse(id), customerId: customerOf(id) };
};

/** Puts an order in line; one that asked before keeps its place, and asks for another quantity. */
export function join(
  id: string,
  wish: Wish,
  quantity: number,
  seconds: number,
  offered: Offered,
): Asking {
  const isNew = id === wish.id;
  return {
    id,
    told: `${isNew ? "join" : `as ${wish.id} join`} for ${quantity} of ${wish.product}`,
    isKeyed: true,
    async ask(deps, ctx) {
      const input = { ...whose(wish), quantity, expirationMinutes: seconds / 60 };
      const outcome = await joinWaitlist(deps, ctx, input);
      if (outcome.kind === "offered") offered(outcome.reservation);
      if (outcome.kind === "waiting" && isNew) return RECORDED;
      return outcome.kind === "waiting" || outcome.kind === "offered"
        ? NOTHING_NEW
        : refused(outcome.kind);
    },
  };
}

export function leave(id: string, wish: Wish, offered: Offered): Asking {
  return {
    id,
    told: `leave as ${wish.id} the line of ${wish.product}`,
    isKeyed: true,
    async ask(deps, ctx) {
      const outcome = await leaveWaitlist(deps, ctx, whose(wish));
      if (outcome.kind === "offered") offered(outcome.reservation);
      return outcome.kind === "left" ? RECORDED : refused(outcome.kind);
    },
  };
}

export function place(id: string, wish: Wish, offered: Offered): Asking {
  return {
    id,
    told: `place of ${wish.id} in the line of ${wish.product}`,
    isKeyed: true,
    async ask(deps, ctx) {
      const outcome: PlaceOutcome = await placeInWaitlist(deps, ctx, whose(wish));
      if (outcome.kind === "offered") offered(outcome.reservation);
      return NOTHING_NEW;
    },
  };
}
