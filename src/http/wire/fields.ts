/** The fields that bodies, paths and queries share. The rules themselves are the model's. */
import { z } from "zod";
import { RESERVED_WORDS } from "#http/paths";
import { RESERVED_ID } from "#http/validate";
import { LimitId } from "#inventory/limits";
import { IncomingId } from "#inventory/incoming-ports";
import * as model from "#inventory/model";

const reserved = { message: "is a word of the API and names nothing", params: RESERVED_ID };

export const ProductId = model.ProductId.refine((id) => !RESERVED_WORDS.has(id), reserved);
export const Sku = model.Sku.refine((sku) => !RESERVED_WORDS.has(sku), reserved);

/** Highest price; far above any, and far below where a double loses cents. */
const PRICE_MAX = 1_000_000_000_000;
/** Prices travel as decimal text: what JavaScript would write with an exponent is refused. */
const PRICE_TEXT = /^\d+(\.\d{1,6})?$/;
export const Price = z
  .number()
  .min(0)
  .max(PRICE_MAX)
  .refine((price) => PRICE_TEXT.test(String(price)), "must have at most 6 decimals");

export const Minutes = z.int().min(1).max(model.HOLD_MINUTES_MAX);

/** Longer than any that a list answers. */
const CURSOR_LENGTH_MAX = 512;
/** What a list answered as `nextCursor`; only the ledger knows what it says. */
export const Cursor = z.string().min(1).max(CURSOR_LENGTH_MAX).meta({
  description: "What the page before answered as `nextCursor`, with the same filters.",
});

/**
 * A number in a query: digits only, so that neither `1e3` nor an empty text slips through. Documents
 * say what it stands for: in a query every value is text.
 */
export function queryNumber(least: number, most: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/, "must be a whole number")
    .meta({ type: "integer", minimum: least, maximum: most, pattern: undefined })
    .transform(Number)
    .pipe(z.int().min(least).max(most));
}

/** `queryNumber`, and what it is where it is not given. */
export function numberOr(fallback: number, least: number, most: number, description: string) {
  return queryNumber(least, most).default(fallback).describe(description);
}

/** How many rows a page has. */
export const pageLimit = (rows: number, rowsMax: number) =>
  numberOr(rows, 1, rowsMax, "Most rows of a page.");

/** Of the number of a partition. */
export const PARTITION_MAX = 9998;
/** Of a query; whether the store has it, the store says. */
export const PartitionNumber = queryNumber(0, PARTITION_MAX)
  .optional()
  .describe("Of that partition of the store; 400 for one that it does not have.");

/** A moment: ISO 8601 with its zone. Becomes epoch milliseconds; what is finer is cut off. */
export const Instant = z.iso
  .datetime({ offset: true, error: "must be a time with its zone, such as 2025-01-31T12:00:00Z" })
  .transform((text) => Date.parse(text));

const CALENDAR_MS_MAX = Date.UTC(9999, 0);
/** When something is to come, or was counted: any time that has four digits for its year. */
export const CalendarInstant = Instant.refine(
  (at) => at >= 0 && at <= CALENDAR_MS_MAX,
  "must be a time from 1970 to 9998",
);

export const IncomingParam = z.strictObject({ incomingId: IncomingId });
export const ProductParam = z.strictObject({ productId: ProductId });
export const LocationParam = z.strictObject({ location: model.Location });
export const LimitParam = z.strictObject({ limitId: LimitId });
export const SkuParam = z.strictObject({ sku: Sku });
export const CustomerParam = z.strictObject({ customerId: model.CustomerId });
export const PseudonymizationParam = z.strictObject({
  pseudonymizationId: z
    .string()
    .regex(/^[0-9a-z]{32}$/, "must be an id that pseudonymize answered"),
});
export const ReservationParam = z.strictObject({ reservationId: model.ReservationId });
