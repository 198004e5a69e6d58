/** Answers about limits of what one customer may have. */
import { z } from "zod";
import { Time, Units } from "#http/wire/answer-fields";
import { LIMIT_COUNTS } from "#inventory/limit-ports";

/** In a refusal: which limit a line passes. */
export const LimitTold = z.strictObject({
  maxPerCustomer: Units,
  left: Units,
  campaignId: z.string().exactOptional(),
  /** The limit that says so, where it is not the product's own. */
  limitId: z.string().exactOptional(),
  maxUnits: Units.exactOptional(),
  windowEndsAt: Time.exactOptional(),
  /** Live holds that it allows, where those are what is too much. */
  maxHolds: Units.exactOptional(),
});

export const Limit = z
  .strictObject({
    limitId: z.string(),
    products: z.union([z.literal("all"), z.array(z.string()).readonly()]),
    maxUnits: Units,
    windowHours: z.int().min(1).nullable(),
    counts: z.enum(LIMIT_COUNTS),
    maxHolds: z.int().min(1).nullable(),
    /** What was made before does not count. */
    since: Time,
    createdAt: Time,
    updatedAt: Time,
    version: z.int().min(0),
  })
  .meta({ id: "Limit" });
export type Limit = z.output<typeof Limit>;
export const Limits = z.strictObject({ limits: z.array(Limit) });
export const LimitPut = z.strictObject({ message: z.string(), limit: Limit });

const CustomerHolds = z
  .strictObject({
    customerId: z.string(),
    holds: Units,
    live: Units,
    expiredHolds: Units,
    units: Units,
    expiredUnits: Units,
    soldUnits: Units,
    /** Of all the units; 0 to 1. */
    expiredShare: z.number().min(0).max(1),
  })
  .meta({ id: "CustomerHolds" });
export const CustomerHoldsList = z.strictObject({
  items: z.array(CustomerHolds),
  nextCursor: z.string().nullable(),
});
export type CustomerHoldsList = z.output<typeof CustomerHoldsList>;
