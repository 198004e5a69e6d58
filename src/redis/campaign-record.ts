/** A campaign's record: format 1, or 2 where it has a limit. Twin: lua/lib/campaign-record.lua. */
import {
  CAMPAIGN_STATES,
  type Campaign,
  type CampaignCommand,
  type CampaignId,
  type CampaignLine,
  type ScheduleCommand,
} from "#inventory/campaigns";
import type { Location, ProductId } from "#inventory/model";
import { operationText } from "#redis/lines";
import { fieldAt, isOneOf, recorded, recordedCount } from "#redis/recorded";

/** By the format. */
const FIELDS: Readonly<Record<string, number>> = { 1: 11, 2: 13 };

/** Reads a record; throws on any other format. */
export function decodeCampaign(campaignId: CampaignId, text: string): Campaign {
  const fields = text.split("\t");
  const [format = "", state = "", location = ""] = fields;
  if (fields.length !== FIELDS[format] || !isOneOf(CAMPAIGN_STATES, state)) {
    throw new Error("not a campaign of format 1 or 2");
  }
  const count = (at: number, name: string): number => recordedCount(fields[at], name);
  return {
    campaignId,
    state,
    location: recorded<Location>(location),
    startsAt: count(3, "starts"),
    endsAt: count(4, "ends"),
    holdSeconds: count(5, "hold seconds") || null,
    maxPerCustomer: format === "2" ? count(11, "most for one customer") : null,
    limitSince: format === "2" ? count(12, "since") || null : null,
    stoppedAt: count(6, "stopped") || null,
    createdAt: count(7, "created"),
    updatedAt: count(8, "updated"),
    name: nameOf(fieldAt(fields, 9, "name")),
    products: fieldAt(fields, 10, "products").split(",").map(lineOf),
  };
}

/** In the order that the header of lua/campaign/schedule.lua names. */
export function scheduleLine(command: ScheduleCommand): string {
  return [
    command.campaignId,
    command.isNew ? 1 : 0,
    command.location,
    command.startsAt,
    command.endsAt,
    command.holdSeconds ?? 0,
    command.maxPerCustomer ?? 0,
    JSON.stringify(command.name),
    command.products.map(({ productId, quantity }) => `${productId}=${quantity}`).join(","),
    operationText(command.operation),
    JSON.stringify(command.context),
  ].join("\t");
}

/** Of stop and remove. */
export const campaignLine = ({ campaignId, operation, context }: CampaignCommand): string =>
  `${campaignId}\t${operationText(operation)}\t${JSON.stringify(context)}`;

function nameOf(json: string): string {
  const name: unknown = JSON.parse(json);
  if (typeof name !== "string") throw new Error("a campaign's name is no text");
  return name;
}

function lineOf(text: string): CampaignLine {
  const [product = "", quantity, fenced] = text.split("=");
  return {
    productId: recorded<ProductId>(product),
    quantity: recordedCount(quantity, "quantity"),
    fenced: recordedCount(fenced, "fenced"),
  };
}
