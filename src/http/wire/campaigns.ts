/** Campaigns in contract A's words: what a body says of one, and what is answered. */
import { z } from "zod";
import type * as answers from "#http/wire/campaign-answers";
import { CalendarInstant, ProductId } from "#http/wire/fields";
import { timeOf } from "#http/wire/objects";
import {
  CAMPAIGN_HOLD_SECONDS_MAX,
  CAMPAIGN_PRODUCTS_MAX,
  CampaignId,
  statusOf,
  type Campaign,
  type CampaignDetail,
  type SeenCampaign,
} from "#inventory/campaigns";
import { Location, Quantity, Text } from "#inventory/model";

export const CampaignParam = z.strictObject({ campaignId: CampaignId });

export const CampaignBody = z.strictObject({
  name: Text,
  location: Location,
  startsAt: CalendarInstant,
  endsAt: CalendarInstant,
  holdSeconds: z.int().min(1).max(CAMPAIGN_HOLD_SECONDS_MAX).optional(),
  maxPerCustomer: Quantity.nullish(),
  products: z
    .array(z.strictObject({ productId: ProductId, quantity: Quantity }))
    .min(1)
    .max(CAMPAIGN_PRODUCTS_MAX),
});

export function campaignRecordOf(campaign: Campaign): answers.CampaignRecord {
  const { stoppedAt } = campaign;
  return {
    campaignId: campaign.campaignId,
    name: campaign.name,
    location: campaign.location,
    state: campaign.state,
    startsAt: timeOf(campaign.startsAt),
    endsAt: timeOf(campaign.endsAt),
    stoppedAt: stoppedAt === null ? null : timeOf(stoppedAt),
    holdSeconds: campaign.holdSeconds,
    maxPerCustomer: campaign.maxPerCustomer,
    createdAt: timeOf(campaign.createdAt),
    updatedAt: timeOf(campaign.updatedAt),
    products: campaign.products.map(({ productId, quantity, fenced }) => {
      return { productId, quantity, ringFenced: fenced };
    }),
  };
}

export function campaignOf({ campaign, now }: SeenCampaign): answers.Campaign {
  return {
    ...campaignRecordOf(campaign),
    status: statusOf(campaign, now),
    startsInMs: Math.max(0, Math.ceil(campaign.startsAt - now)),
    endsInMs: Math.max(0, Math.ceil(campaign.endsAt - now)),
  };
}

export function campaignDetailOf(detail: CampaignDetail): answers.CampaignDetail {
  const { products: lines, ...campaign } = campaignOf(detail);
  const { available } = detail;
  return {
    ...campaign,
    products: lines.map((line, i) => ({ ...line, availableStock: available[i] ?? 0 })),
  };
}
