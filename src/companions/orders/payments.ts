/**
 * What a payment does to its order. A success confirms it, a failure cancels it. A success that comes
 * when the hold has expired takes the stock once more, and where there is none any more, or the order
 * was cancelled on purpose, the money goes back. Whoever dies in the middle has answered nothing, so it
 * is told again, and goes on from what the rows say.
 */
import { isHidden, isSame, wasExpired, type Order } from "#companions/orders/order";
import type { Heard, Outcome, Paid, Verdict } from "#companions/orders/paid";
import type { Steps } from "#companions/orders/steps";
import type { Orders } from "#companions/orders/store";
import { Refused } from "#companions/shell/app";

/** From PENDING over an expired hold to the verdict there are four. */
const TURNS_MAX = 8;

export interface Payments {
  /** Rejects while it is not certain (isUnsure). Refuses what is of no order, or of another amount. */
  hear(outcome: Outcome): Promise<Verdict>;
}

export interface PaymentsOptions {
  readonly orders: Pick<Orders, "byId" | "move">;
  readonly steps: Pick<Steps, "settle">;
  readonly paid: Paid;
}

export function createPayments({ orders, steps, paid }: PaymentsOptions): Payments {
  /** null: it has a step to go, and may be looked at again. */
  const succeeded = async (order: Order, paymentId: string): Promise<Verdict | null> => {
    const { id, state, paidBy } = order;
    if (paidBy !== null && paidBy !== paymentId) {
      return refund("the order was paid by another payment");
    }
    switch (state) {
      case "PENDING":
        await paid.confirm(id, paymentId);
        return null;
      case "CONFIRMED":
        if (paidBy === paymentId) return { verdict: "kept", reason: null };
        await paid.adopt(id, paymentId);
        return null;
      case "CANCELLED":
        if (!wasExpired(order) || order.isLate) {
          return refund(`the order was cancelled: ${order.reason ?? "why is not known"}`);
        }
        await paid.reacquire(id, paymentId);
        return null;
      case "RESERVING":
      case "WITHDRAWING":
      case "REFUSED":
      case "CONFIRMING":
      case "CANCELLING":
      case "REACQUIRING":
        return null;
    }
  };
  const failed = async ({ id, state }: Order): Promise<Verdict | null> => {
    if (state !== "PENDING") return { verdict: "noted", reason: null };
    await orders.move(id, "PENDING", "CANCELLING", "the payment failed");
    return null;
  };
  return {
    async hear(outcome) {
      const { paymentId, orderId, amount } = outcome;
      const known = await orders.byId(orderId);
      if (known === null || isHidden(known)) {
        throw new Refused(404, "Order not found", { code: "order_unknown" });
      }
      if (!isSame(known.total, amount)) {
        throw new Refused(422, `the order comes to ${known.total}, and not to ${amount}`, {
          code: "amount_mismatch",
        });
      }
      const heard = await paid.hear(outcome);
      mustBeOf(heard, outcome);
      // A failure behind a success.
      if (heard.outcome !== outcome.outcome) return { verdict: "noted", reason: null };
      if (heard.verdict !== null) return { verdict: heard.verdict, reason: heard.reason };
      for (let count = 0; count < TURNS_MAX; count += 1) {
        const order = await steps.settle(orderId);
        if (order === null) throw new Error(`order ${orderId} is gone`);
        const verdict =
          outcome.outcome === "succeeded" ? await succeeded(order, paymentId) : await failed(order);
        if (verdict !== null) return await paid.decide(outcome, verdict);
      }
      throw new Error(`payment ${paymentId} of order ${orderId} comes to no end`);
    },
  };
}

const refund = (reason: string): Verdict => ({ verdict: "refund", reason });

/** One payment is of one order. */
function mustBeOf(heard: Heard, { paymentId, orderId, amount }: Outcome): void {
  if (heard.orderId === orderId && isSame(heard.amount, amount)) return;
  throw new Refused(422, `${paymentId} is of another order, or amount`, {
    code: "payment_mismatch",
  });
}
