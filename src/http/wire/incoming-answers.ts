/** Answers about stock that is expected, and about what to order. */
import { z } from "zod";
import { Time, Units } from "#http/wire/answer-fields";
import { INCOMING_STATUSES } from "#inventory/incoming-ports";

const NextCursor = z.string().nullable();

export const Incoming = z
  .strictObject({
    incomingId: z.string(),
    productId: z.string(),
    location: z.string().nullable(),
    quantity: Units,
    received: Units,
    outstanding: Units,
    status: z.enum(INCOMING_STATUSES),
    expectedAt: Time,
    reference: z.string().nullable(),
    createdAt: Time,
    updatedAt: Time,
    version: z.int().min(1),
  })
  .meta({ id: "Incoming" });
export type Incoming = z.output<typeof Incoming>;

export const IncomingList = z.strictObject({ items: z.array(Incoming), nextCursor: NextCursor });
export const IncomingChanged = z.strictObject({ message: z.string(), incoming: Incoming });

export const ReorderItem = z.strictObject({
  productId: z.string(),
  sku: z.string(),
  name: z.string().nullable(),
  availableStock: Units,
  totalStock: Units,
  reorderPoint: Units,
  reorderQuantity: Units,
  incomingStock: Units,
  nextExpectedAt: Time.nullable(),
  orderQuantity: Units,
});
export type ReorderItem = z.output<typeof ReorderItem>;
export const Reorder = z.strictObject({ items: z.array(ReorderItem), nextCursor: NextCursor });
