/**
 * Goes on with what was left in the middle: orders whose step was not certain, or whose process was
 * killed, and holds that are of no order.
 */
import type { Steps } from "#companions/orders/steps";
import type { Orders } from "#companions/orders/store";
import { startRelay, type RelayOptions } from "#companions/shell/relay";

export interface Relay {
  /** Goes on with an order that has a step to go. Never rejects. */
  readonly wake: (id: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface OrdersRelayOptions extends Pick<
  RelayOptions,
  "queueRedis" | "workerRedis" | "log"
> {
  readonly orders: Orders;
  readonly steps: Steps;
}

const ORDER = "order-";
const STRAY = "stray-";

export function startOrdersRelay({ orders, steps, ...shared }: OrdersRelayOptions): Relay {
  const idOf = (job: string): number => Number(job.slice(ORDER.length));
  const { wake, close } = startRelay({
    ...shared,
    service: "orders",
    queue: "steps",
    async waiting(most) {
      await orders.forgetRefused(most);
      const left = await orders.left(most);
      const strays = await orders.strays(most);
      return [...left.map((id) => `${ORDER}${id}`), ...strays.map((id) => `${STRAY}${id}`)];
    },
    async work(job) {
      if (job.startsWith(STRAY)) await steps.dropStray(job.slice(STRAY.length));
      else await steps.takeUp(idOf(job));
    },
    async failed(job, why) {
      if (job.startsWith(ORDER)) await orders.failed(idOf(job), why);
    },
  });
  return { wake: (id) => wake(`${ORDER}${id}`), close };
}
