/** What orders needs of the inventory, by its typed client. Whatever is not certain is thrown. */
import { z } from "zod";
import { createClient, HoldfastProblem, HoldfastUnanswered } from "#client/client";
import { HOLD_EXPIRED, nameOf, unitsOf, type Order, type Refusal } from "#companions/orders/order";

/** Above the inventory's own deadline, so that it can say what it knows. */
const ATTEMPT_MS = 5_500;
const CALL_MS_MAX = 8_000;

export type Inventory = ReturnType<typeof createClient>;

export const createInventory = (url: string, token: () => Promise<string>): Inventory =>
  createClient({ url, token, attemptMs: ATTEMPT_MS, deadlineMs: CALL_MS_MAX });

export type Reserving =
  | { readonly kind: "held"; readonly reservationId: string; readonly dueAt: string | null }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** `part`: some of its units were sold or given back by others, and of the rest some may be held. */
export type Ending = { readonly kind: "confirmed" | "cancelled" | "part"; readonly why: string };
export type Looked = Ending | { readonly kind: "held"; readonly dueAt: string | null };

/** What a late sale came to: it is a reservation of its own. */
export type Reacquiring =
  | { readonly kind: "sold"; readonly reservationId: string }
  | { readonly kind: "refused"; readonly why: string };

export interface Holds {
  /** All of it or nothing; the same order finds the hold that it has. */
  reserve(order: Order): Promise<Reserving>;
  /** Sells all that was ordered, or nothing. */
  confirm(order: Order, reservationId: string): Promise<Ending>;
  /** Gives back what is held. One that has ended already is what was wanted. */
  cancel(key: string, reservationId: string): Promise<Ending>;
  look(reservationId: string): Promise<Looked>;
  /** Sells all of an expired hold after all, or nothing. */
  reacquire(order: Order, reservationId: string): Promise<Reacquiring>;
  /** Puts back what was sold to an order that has ended. */
  putBack(orderId: number, reservationId: string): Promise<void>;
}

/** Whether it says that a call's outcome is not certain, or not to be had now. */
export const isUnsure = (error: unknown): error is Error =>
  error instanceof HoldfastProblem || error instanceof HoldfastUnanswered;

const Lines = z.array(z.looseObject({ quantity: z.number(), confirmed: z.number() }));
const Short = z.object({
  lines: z
    .array(
      z.looseObject({
        productId: z.string(),
        requested: z.number(),
        available: z.number(),
        limit: z.looseObject({ maxPerCustomer: z.number(), left: z.number() }).optional(),
      }),
    )
    .min(1),
});
const Reservation = z.looseObject({ reservation: z.looseObject({ lines: Lines }) });

/** Ended in another way than by a sale. */
const GONE: Readonly<Record<string, string>> = {
  reservation_expired: HOLD_EXPIRED,
  reservation_cancelled: "the reservation was cancelled",
  reservation_replaced: "the reservation was replaced",
  reservation_reassigned: "the reserved units are another owner's now",
  reservation_not_found: "the reservation is gone",
};
/** What will be answered alike however often it is asked. */
const IMPOSSIBLE: ReadonlySet<string> = new Set([
  "cart_spans_partitions",
  "order_already_confirmed",
  "too_many_items",
  "validation_failed",
]);
/** Why a late sale is none; the same later would be another customer's units. */
const TOO_LATE: Readonly<Record<string, string>> = {
  ...GONE,
  reservation_expired: "paid too long after it",
  insufficient_stock: "and there was not enough stock any more",
  waitlist: "and others were waiting for the stock",
  limit_exceeded: "and the customer has as much as one may have",
  exceeds_held: "and a part of it was ended by others",
};
const PART = "a part of the reservation was ended by others";

export function createHolds(inventory: Inventory): Holds {
  const reservation = inventory.reservation[":reservationId"];
  const named = (key: string) => ({ headers: { "idempotency-key": key } });
  return {
    async reserve(order) {
      const json = {
        orderId: nameOf(order.id),
        customerId: order.customerId,
        items: [...unitsOf(order.items)],
      };
      try {
        const answer = await inventory.reservations.$post({ json }, named(`${order.key}-reserve`));
        const body = await answer.json();
        if (!("reservation" in body)) throw new Error("a reservation was asked for, and none came");
        const { reservationId, expiresAt } = body.reservation;
        return { kind: "held", reservationId, dueAt: expiresAt };
      } catch (error) {
        const refusal = error instanceof HoldfastProblem ? refusalOf(order, error) : null;
        if (refusal === null) throw error;
        return { kind: "refused", refusal };
      }
    },
    async confirm(order, reservationId) {
      const param = { reservationId };
      // Whatever the inventory is set to do: what is sold late is sold under an order that knows of it.
      const json = { lines: [...unitsOf(order.items)], onExpired: "reject" as const };
      try {
        const answer = await reservation.confirm.$post(
          { param, json },
          named(`${order.key}-confirm`),
        );
        return sold((await answer.json()).reservation.lines);
      } catch (error) {
        if (!(error instanceof HoldfastProblem)) throw error;
        if (error.code === "exceeds_held") return { kind: "part", why: PART };
        const why = GONE[error.code];
        if (why === undefined) throw error;
        return { kind: "cancelled", why };
      }
    },
    async cancel(key, reservationId) {
      const param = { reservationId };
      try {
        const answer = await reservation.cancel.$post(
          { param, json: {} },
          named(`${key}-cancel-${reservationId}`),
        );
        const { status } = (await answer.json()).reservation;
        return { kind: "cancelled", why: endedWhy(status) };
      } catch (error) {
        if (!(error instanceof HoldfastProblem)) throw error;
        if (error.code === "reservation_confirmed") {
          const told = Reservation.safeParse(error.problem);
          if (told.success) return sold(told.data.reservation.lines);
        }
        const why = GONE[error.code];
        if (why === undefined) throw error;
        return { kind: "cancelled", why };
      }
    },
    async reacquire(order, reservationId) {
      const param = { reservationId };
      // The same lines as a confirm names: what that sold late already is what this hears of.
      const json = { lines: [...unitsOf(order.items)], onExpired: "reacquire" as const };
      try {
        const answer = await reservation.confirm.$post(
          { param, json },
          named(`${order.key}-reacquire`),
        );
        const { reservationId: saleId, lines } = (await answer.json()).reservation;
        if (sold(lines).kind === "confirmed") return { kind: "sold", reservationId: saleId };
        return { kind: "refused", why: PART };
      } catch (error) {
        const why = error instanceof HoldfastProblem ? TOO_LATE[error.code] : undefined;
        if (why === undefined) throw error;
        return { kind: "refused", why };
      }
    },
    async putBack(orderId, reservationId) {
      const found = await reservation.$get({ param: { reservationId } });
      for (const { productId, confirmed: quantity } of (await found.json()).lines) {
        if (quantity === 0) continue;
        try {
          await inventory.product[":productId"].return.$post(
            {
              param: { productId },
              json: { orderId: nameOf(orderId), quantity, disposition: "restock" },
            },
            named(`back-${reservationId}`),
          );
        } catch (error) {
          // It came back before, by us or by hand.
          const isBack = error instanceof HoldfastProblem && "returnable" in error.problem;
          if (!isBack) throw error;
        }
      }
    },
    async look(reservationId) {
      try {
        const answer = await reservation.$get({ param: { reservationId } });
        const { status, expiresAt, lines } = await answer.json();
        if (status === "ACTIVE") return { kind: "held", dueAt: expiresAt };
        return status === "CONFIRMED" ? sold(lines) : { kind: "cancelled", why: endedWhy(status) };
      } catch (error) {
        const isGone = error instanceof HoldfastProblem && error.code === "reservation_not_found";
        if (!isGone) throw error;
        return { kind: "cancelled", why: "the reservation is gone" };
      }
    },
  };
}

const endedWhy = (status: string): string =>
  status === "EXPIRED" ? HOLD_EXPIRED : "the reservation was cancelled";

function sold(lines: z.output<typeof Lines>): Ending {
  const isWhole = lines.every(({ quantity, confirmed }) => confirmed === quantity);
  return isWhole ? { kind: "confirmed", why: "" } : { kind: "part", why: PART };
}

/** null: asked again it may be answered otherwise. */
function refusalOf({ items }: Order, problem: HoldfastProblem): Refusal | null {
  const { code, message } = problem;
  const itemOf = (productId: string) => items.find((item) => String(item.productId) === productId);
  if (code === "insufficient_stock" || code === "limit_exceeded") {
    const [line] = Short.parse(problem.problem).lines;
    if (line === undefined) return null;
    const item = itemOf(line.productId);
    const name = item?.name ?? line.productId;
    const { requested, limit } = line;
    const productId = item?.productId ?? line.productId;
    const isLimit = code === "limit_exceeded" && limit !== undefined;
    const available = isLimit ? limit.left : line.available;
    const error = isLimit
      ? `One customer may have ${limit.maxPerCustomer} of product ${name}`
      : `Insufficient inventory for product ${name}`;
    return { status: 400, error, fields: { productId, available, requested } };
  }
  if (code === "product_not_found") {
    return { status: 404, error: `Product not found in the inventory: ${message}`, fields: {} };
  }
  if (!IMPOSSIBLE.has(code)) return null;
  return { status: code === "validation_failed" ? 400 : 409, error: message, fields: { code } };
}
