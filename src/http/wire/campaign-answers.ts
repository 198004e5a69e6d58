/** What is answered of campaigns. */
import { z } from "zod";
import { Time, Units } from "#http/wire/answer-fields";
import { CAMPAIGN_STATES, CAMPAIGN_STATUSES } from "#inventory/campaigns";

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
  maxPerCustomer: z.int().min(1).nullable(),
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

export const CampaignRecord = z
  .strictObject({ ...RECORD, products })
  .meta({ id: "CampaignRecord" });
export type CampaignRecord = z.output<typeof CampaignRecord>;
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

export type CampaignDetail = z.output<typeof CampaignDetail>;
