/** Decides payments whose time has come, and tells orders. The same may be told twice: it is one payment. */
import type { OrdersOfPayment } from "#companions/payment/orders";
import type { Payments } from "#companions/payment/store";
import { startRelay, type Relay, type RelayOptions } from "#companions/shell/relay";

export interface PaymentRelayOptions extends Pick<
  RelayOptions,
  "queueRedis" | "workerRedis" | "log"
> {
  readonly payments: Payments;
  readonly orders: OrdersOfPayment;
}

/** A job is the id of a payment. */
export const startPaymentRelay = ({ payments, orders, ...shared }: PaymentRelayOptions): Relay =>
  startRelay({
    ...shared,
    service: "payment",
    queue: "outcomes",
    waiting: (most) => payments.waiting(most),
    async work(id) {
      await payments.decideDue(id);
      const call = await payments.untold(id);
      if (call !== null) await payments.settle(id, await orders.tell(call));
    },
    failed: (id, why) => payments.failed(id, why),
  });
