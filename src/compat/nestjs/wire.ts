/** What contract D takes and answers. Fields it does not know are ignored, as they were before. */
import { z } from "zod";
import { ProductId } from "#http/wire/fields";
import { OrderId, Quantity } from "#inventory/model";

export const ProductParam = z.object({ productId: ProductId });

/** Of reserve-order and cancel-reservation. */
export const OrderBody = z.object({ orderId: OrderId, quantity: Quantity });

/** Longer than any time that somebody writes. */
const TIME_LENGTH_MAX = 64;
const PARTS = /^(.{10})(?:T(\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?(.*))?$/;

/** A time to all its digits, whichever way it was written; without a zone it is UTC. */
const Instant = z
  .union([z.iso.datetime({ offset: true, local: true }).max(TIME_LENGTH_MAX), z.iso.date()], {
    error: "must be a valid ISO 8601 date string",
  })
  .transform((text) => {
    const [, date, minutes = "00:00", seconds = "00", fraction = "", zone] = PARTS.exec(text) ?? [];
    const second = new Date(
      `${date}T${minutes}:${seconds}${zone === undefined || zone === "" ? "Z" : zone}`,
    );
    const digits = fraction.replace(/0+$/, "");
    return second.toISOString().replace(".000Z", digits === "" ? "Z" : `.${digits}Z`);
  });

/** An event: what it names together is its identity. */
export const EventBody = z.object({
  eventType: z.enum(["stockUpdate", "orderPlaced"]),
  productId: ProductId,
  quantity: Quantity,
  timestamp: Instant,
});
export type StockEvent = z.infer<typeof EventBody>;

const Units = z.int().min(0);
const Time = z.iso.datetime({ precision: 3 });

export const SuccessAnswer = z.strictObject({
  statusCode: z.literal(200),
  message: z.literal("Success"),
});

export const LevelAnswer = z.strictObject({
  productId: z.string(),
  quantity: Units,
  lastUpdated: Time,
});

export const WrappedLevelAnswer = z.strictObject({
  data: z.strictObject({
    productId: z.string(),
    quantity: Units,
    reserved: Units,
    createdAt: Time,
    updatedAt: Time,
  }),
});

/** Of every refusal; its own three numbers come without `error`. */
export const ErrorBody = z
  .strictObject({
    statusCode: z.int(),
    message: z.union([z.string(), z.array(z.string())]),
    error: z.string().optional(),
  })
  .meta({ id: "NestjsError" });
