/** Campaigns in contract A's words: what a body says of one, and what is answered. */
import { z } from "zod";
import { CalendarInstant, ProductId } from "#http/wire/fields";
import { timeOf } from "#http/wire/objects";
import {
  CAMPAIGN_HOLD_SECONDS_MAX,
  CAMPAIGN_PRODUCTS_MAX,
  CAMPAIGN_STATUSES,
  CampaignId,
  statusOf,
  type CampaignDetail as Detail,
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
  products: z
    .array(z.strictObject({ productId: ProductId, quantity: Quantity }))
    .min(1)
    .max(CAMPAIGN_PRODUCTS_MAX),
});

const Time = z.iso.datetime();
const Units = z.int().min(0);
const Milliseconds = z.int().min(0);

const FIELDS = {
  campaignId: z.string(),
  name: z.string(),
  location: z.string(),
  status: z.enum(CAMPAIGN_STATUSES),
  startsAt: Time,
  endsAt: Time,
  startsInMs: Milliseconds,
  endsInMs: Milliseconds,
  stoppedAt: Time.nullable(),
  holdSeconds: z.int().min(1).nullable(),
  createdAt: Time,
  updatedAt: Time,
};
const LINE = { productId: z.string(), quantity: Units, ringFenced: Units };

export const Campaign = z
  .strictObject({ ...FIELDS, products: z.array(z.strictObject(LINE)) })
  .meta({ id: "Campaign" });
export type Campaign = z.output<typeof Campaign>;
export const Campaigns = z.strictObject({ campaigns: z.array(Campaign) });
export const CampaignChanged = z.strictObject({ message: z.string(), campaign: Campaign });
/** With what of each product nobody holds. */
export const CampaignDetail = z
  .strictObject({
    ...FIELDS,
    products: z.array(z.strictObject({ ...LINE, availableStock: Units })),
  })
  .meta({ id: "CampaignDetail" });

export function campaignOf({ campaign, now }: SeenCampaign): Campaign {
  const { startsAt, endsAt, stoppedAt } = campaign;
  return {
    campaignId: campaign.campaignId,
    name: campaign.name,
    location: campaign.location,
    status: statusOf(campaign, now),
    startsAt: timeOf(startsAt),
    endsAt: timeOf(endsAt),
    startsInMs: Math.max(0, Math.ceil(startsAt - now)),
    endsInMs: Math.max(0, Math.ceil(endsAt - now)),
    stoppedAt: stoppedAt === null ? null : timeOf(stoppedAt),
    holdSeconds: campaign.holdSeconds,
    createdAt: timeOf(campaign.createdAt),
    updatedAt: timeOf(campaign.updatedAt),
    products: campaign.products.map(({ productId, quantity, fenced }) => {
      return { productId, quantity, ringFenced: fenced };
    }),
  };
}

export function campaignDetailOf(detail: Detail): z.output<typeof CampaignDetail> {
  const { campaign, available } = detail;
  return {
    ...campaignOf(detail),
    products: campaign.products.map(({ productId, quantity, fenced }) => {
      const availableStock = available.get(productId) ?? 0;
      return { productId, quantity, ringFenced: fenced, availableStock };
    }),
  };
}
