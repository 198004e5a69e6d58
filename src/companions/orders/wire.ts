/** What orders take and answer. */
import { z } from "zod";
import { Id as AnyId } from "#companions/orders/order";
import { VerdictRow } from "#companions/orders/paid";
import { pageOf } from "#companions/shell/pages";

/** Most lines of an order: those of a cart of the inventory. */
const ITEMS_MAX = 100;
const QUANTITY_MAX = 1_000_000_000;
export const TOTAL_MAX = 999_999_999_999.99;
const PAGE_MAX = 1_000;

const word = (most: number) =>
  z
    .string()
    .trim()
    .min(1, "must not be empty")
    .max(most, `must have at most ${most} characters`)
    .regex(/^[^\p{C}]*$/u, "must be printable");
const Id = (most: number) =>
  z.union([z.int().min(1), word(most)], { error: "must be a number from 1 on, or a text" });
export const Creation = z.strictObject({
  customerId: Id(128).optional(),
  items: z
    .array(
      z.strictObject({
        productId: Id(64),
        quantity: z.int().min(1, "must be at least 1").max(QUANTITY_MAX),
      }),
    )
    .min(1, "must not be empty")
    .max(ITEMS_MAX, `must have at most ${ITEMS_MAX} lines`),
});
export const Step = z.strictObject({ status: z.string() });
export const Query = z.strictObject(pageOf(PAGE_MAX));
export const Told = z
  .object({
    id: z.int(),
    customerId: AnyId,
    items: z.array(
      z.object({
        productId: AnyId,
        quantity: z.int(),
        price: z.number(),
        subtotal: z.number(),
      }),
    ),
    totalAmount: z.number(),
    status: z.enum(["PENDING", "CONFIRMED", "CANCELLED"]),
    /** Of who paid it. */
    paymentId: z.string().optional(),
    /** Why it is cancelled, where that is known. */
    reason: z.string().optional(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: "Order" });

/** What payment tells, by a signed call. */
export const PaymentNews = z.looseObject({
  type: z.enum(["payment.succeeded", "payment.failed"]),
  data: z.looseObject({
    paymentId: z.string().min(1).max(64),
    orderId: z.int().min(1),
    amount: z.number().min(0).max(TOTAL_MAX),
  }),
});
/** What it told, and what becomes of the money. */
export const Heard = PaymentNews.shape.data.extend(VerdictRow.shape);
