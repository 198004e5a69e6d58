/**
 * Takes an order from the step it is at to where nothing is open. Each step is written down, then the
 * inventory is called under a key of the row, then its end is written: whoever finds it in between
 * goes on, and several at once do what one does.
 *
 *     RESERVING ──► PENDING ──► CONFIRMING ──► CONFIRMED
 *      │     │         └──────► CANCELLING ──► CANCELLED
 *      │     └► WITHDRAWING ─► REFUSED           ▲   (a hold that ended meanwhile, from CONFIRMING too)
 *      └─────────────────────► REFUSED
 *
 *     CANCELLED ──► REACQUIRING ──► CONFIRMED | CANCELLED      (a payment that came when the hold had expired)
 */
import type { Ending, Holds } from "#companions/orders/holds";
import { isOpen, type Order } from "#companions/orders/order";
import type { Orders } from "#companions/orders/store";
import type { Log } from "#lib/log";

/** From RESERVING to the end there are four; more means that two processes push it back and forth. */
const STEPS_MAX = 8;

export interface Steps {
  /** Rejects while it is not certain (isUnsure). null: there is none. */
  settle(id: number): Promise<Order | null>;
  /** As settle, for one that nobody is at: also whether its hold is still there. */
  takeUp(id: number): Promise<void>;
  /** Gives back a hold, or a sale, that is of no order. */
  dropStray(reservationId: string): Promise<void>;
}

export function createSteps(orders: Orders, holds: Holds, log: Log): Steps {
  const reservationOf = ({ id, state, reservationId }: Order): string => {
    if (reservationId !== null) return reservationId;
    throw new Error(`order ${id} is ${state} without a reservation`);
  };
  const ended = async ({ id, state }: Order, { kind, why }: Ending): Promise<void> => {
    if (kind === "part") log.warn("a part of an order's hold was ended by others", { orderId: id });
    if (kind === "confirmed") await orders.move(id, state, "CONFIRMED");
    // What is left of it is given back first.
    else if (kind === "part" && state !== "CANCELLING") {
      await orders.move(id, state, "CANCELLING", why);
    } else await orders.move(id, state, "CANCELLED", why);
  };
  const step = async (order: Order): Promise<void> => {
    const { id, state, key } = order;
    switch (state) {
      case "RESERVING": {
        const answer = await holds.reserve(order);
        if (answer.kind === "refused") await orders.refuse(id, state, answer.refusal);
        else await orders.held(id, answer.reservationId, answer.dueAt);
        return;
      }
      case "WITHDRAWING": {
        // A call may have held it: this one, under the same key, finds the hold. One that comes later
        // still makes a stray of it.
        const answer = await holds.reserve(order);
        if (answer.kind === "held") await holds.cancel(key, answer.reservationId);
        await orders.refuse(id, state, null);
        return;
      }
      case "CONFIRMING":
        await ended(order, await holds.confirm(order, reservationOf(order)));
        return;
      case "CANCELLING":
        await ended(order, await holds.cancel(key, reservationOf(order)));
        return;
      case "REACQUIRING": {
        const sale = await holds.reacquire(order, reservationOf(order));
        if (sale.kind === "sold") await orders.reacquired(id, sale.reservationId);
        else await orders.giveUp(id, sale.why);
        return;
      }
      case "PENDING":
      case "CONFIRMED":
      case "CANCELLED":
      case "REFUSED":
    }
  };
  const settle = async (id: number): Promise<Order | null> => {
    for (let count = 0; count < STEPS_MAX; count += 1) {
      const order = await orders.byId(id);
      if (order === null || !isOpen(order)) return order;
      await step(order);
    }
    throw new Error(`order ${id} comes to no end`);
  };
  return {
    settle,
    async takeUp(id) {
      const order = await orders.byId(id);
      if (order === null) return;
      if (order.state === "PENDING") {
        const looked = await holds.look(reservationOf(order));
        if (looked.kind === "held") await orders.extend(id, looked.dueAt);
        else await ended(order, looked);
      }
      // Who has no key cannot ask what became of it, and orders anew.
      const isNobodys = order.state === "RESERVING" && order.requestKey === null;
      if (isNobodys && order.isLeft) await orders.withdraw(id);
      if (!isNobodys || order.isLeft) await settle(id);
    },
    async dropStray(reservationId) {
      const stray = await orders.stray(reservationId);
      if (stray === null) return;
      if (stray.isSold) {
        await holds.putBack(stray.orderId, reservationId);
        await orders.strayDone(reservationId);
        return;
      }
      const { kind } = await holds.cancel("stray", reservationId);
      if (kind !== "cancelled") log.warn("a stray hold was sold", { reservationId });
      await orders.strayDone(reservationId);
    },
  };
}
