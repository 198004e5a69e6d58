/** Campaigns in contract A's words: what a body says of one, and what is answered. */
import { z } from "zod";
import { CalendarInstant, ProductId } from "#http/wire/fields";
import { timeOf } from "#http/wire/objects";
import {
  CAMPAIGN_HOLD_SECONDS_MAX,
  CAMPAIGN_PRODUCTS_MAX,
  CAMPAIGN_STATES,
  CAMPAIGN_STATUSES,
  CampaignId,
  statusOf,
  type Campaign as Known,
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

/** As its record has it: the same whenever it is said. */
const RECORD = {
  campaignId: z.string(),
  name: z.string(),
  location: z.string(),
  state: z.enum(CAMPAIGN_STATES),
  startsAt: Time,
  endsAt: Time,
  stoppedAt: Time.nullable(),
  holdSeconds: z.int().min(1).nullable(),
  createdAt: Time,
  updatedAt: Time,
};
/** And as it is at the moment of the answer. */
const NOW = {
  status: z.enum(CAMPAIGN_STATUSES),
  startsInMs: Milliseconds,
  endsInMs: Milliseconds,
};
const LINE = { productId: z.string(), quantity: Units, ringFenced: Units };
const products = z.array(z.strictObject(LINE));

const CampaignRecord = z.strictObject({ ...RECORD, products }).meta({ id: "CampaignRecord" });
type CampaignRecord = z.output<typeof CampaignRecord>;
export const CampaignChanged = z.strictObject({ message: z.string(), campaign: CampaignRecord });

export const Campaign = z.strictObject({ ...RECORD, ...NOW, products }).meta({ id: "Campaign" });
export type Campaign = z.output<typeof Campaign>;
export const Campaigns = z.strictObject({ campaigns: z.array(Campaign) });
/** With what of each product nobody holds. */
export const CampaignDetail = z
  .strictObject({
    ...RECORD,
    ...NOW,
    products: z.array(z.strictObject({ ...LINE, availableStock: Units })),
  })
  .meta({ id: "CampaignDetail" });

export function campaignRecordOf(campaign: Known): CampaignRecord {
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
    createdAt: timeOf(campaign.createdAt),
    updatedAt: timeOf(campaign.updatedAt),
    products: campaign.products.map(({ productId, quantity, fenced }) => {
      return { productId, quantity, ringFenced: fenced };
    }),
  };
}

export function campaignOf({ campaign, now }: SeenCampaign): Campaign {
  return {
    ...campaignRecordOf(campaign),
    status: statusOf(campaign, now),
    startsInMs: Math.max(0, Math.ceil(campaign.startsAt - now)),
    endsInMs: Math.max(0, Math.ceil(campaign.endsAt - now)),
  };
}

export function campaignDetailOf(detail: Detail): z.output<typeof CampaignDetail> {
  const { products: lines, ...campaign } = campaignOf(detail);
  const { available } = detail;
  return {
    ...campaign,
    products: lines.map((line, i) => ({ ...line, availableStock: available[i] ?? 0 })),
  };
}
