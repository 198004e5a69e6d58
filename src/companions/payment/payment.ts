/** What a payment is, and which sample methods a stand-in knows. */
import { z } from "zod";
import { randomId } from "#lib/ids";

export const newPaymentId = (): string => `pay_${randomId(24)}`;
export const isPaymentId = (text: string): boolean => /^pay_[0-9A-Za-z]{24}$/.test(text);

export const METHODS = ["card_ok", "card_declined", "card_late", "card_open"] as const;
export type Method = (typeof METHODS)[number];

export const STATES = ["PENDING", "SUCCEEDED", "FAILED", "REFUNDED"] as const;
export type Outcome = "SUCCEEDED" | "FAILED";

/** Beyond the time that a hold has by default, and before the inventory forgets that it was there. */
const LATE_SECONDS = 20 * 60;

/** After how long each is decided by itself where the caller does not say; null: somebody says it. */
export const DELAY_SECONDS: Readonly<Record<Method, number | null>> = {
  card_ok: 0,
  card_declined: 0,
  card_late: LATE_SECONDS,
  card_open: null,
};
/** What each comes to when it is decided by itself. */
export const outcomeOf = (method: Method): Outcome =>
  method === "card_declined" ? "FAILED" : "SUCCEEDED";
export const DECLINED = "the card was declined";

export const PaymentRow = z.object({
  id: z.string(),
  number: z.coerce.number(),
  orderId: z.coerce.number(),
  customerId: z.string(),
  amount: z.coerce.number(),
  method: z.enum(METHODS),
  state: z.enum(STATES),
  reason: z.string().nullable(),
  requestHash: z.string().nullable(),
  createdAt: z.date(),
  updatedAt: z.date(),
});
export type Payment = z.output<typeof PaymentRow>;

/** As callers see it. */
export function toldPayment(payment: Payment) {
  const { id, orderId, customerId, amount, method, state, reason, createdAt, updatedAt } = payment;
  return {
    id,
    orderId,
    customerId,
    amount,
    method,
    status: state,
    ...(reason === null ? {} : { reason }),
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}
