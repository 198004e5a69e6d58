/** The waitlist with one place in it. A test replaces the answers it is about. */
import type { Durability } from "#inventory/durability";
import { CustomerId, OrderId, ProductId, ReservationId } from "#inventory/model";
import type { Waiter, Waitlist } from "#inventory/waitlist-ports";

export const WAITER: Waiter = {
  productId: ProductId.parse("p1"),
  reservationId: ReservationId.parse(`p0-${"0a".repeat(16)}-abcdefgh`),
  customerId: CustomerId.parse("carol"),
  orderId: OrderId.parse("order-1"),
  quantity: 2,
  holdSeconds: 900,
  joinedAt: Date.UTC(2025, 0, 1),
  joinedSeq: 7,
};

export const WAITLIST: Waitlist = {
  join: async () => ({ kind: "waiting", waiter: WAITER, position: 3, waiting: 3, replayed: false }),
  leave: async () => ({ kind: "left", waiting: 2, replayed: false }),
  place: async () => ({ kind: "waiting", waiter: WAITER, position: 3, waiting: 5 }),
  line: async () => ({ waiting: 1, waiters: [WAITER] }),
  offer: async () => ({ offered: 0, left: 0, more: false, dueSeconds: [], damaged: [], waited: 0 }),
};

/** Reaches whatever it is asked for. */
export const DURABILITY: Durability = {
  floor: "disk",
  base: () => "disk",
  reach: (wanted) => Promise.resolve(wanted),
};
