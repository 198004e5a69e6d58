/** What an order is: the row with its state, and what callers see of it. */
import { z } from "zod";

const STATES = [
  "RESERVING",
  "WITHDRAWING",
  "REFUSED",
  "PENDING",
  "CONFIRMING",
  "CANCELLING",
  "REACQUIRING",
  "CONFIRMED",
  "CANCELLED",
] as const;
export type State = (typeof STATES)[number];

/** A step that was begun, and whose end at the inventory is not noted yet. */
const OPEN: ReadonlySet<State> = new Set([
  "RESERVING",
  "WITHDRAWING",
  "CONFIRMING",
  "CANCELLING",
  "REACQUIRING",
]);
/** Rows that are nobody's order. */
export const HIDDEN: readonly State[] = ["RESERVING", "WITHDRAWING", "REFUSED"];

export const isOpen = ({ state }: Order): boolean => OPEN.has(state);
export const isHidden = ({ state }: Order): boolean => HIDDEN.includes(state);

/** Ids are numbers or texts, and answered as they were given. */
export const Id = z.union([z.number(), z.string()]);

const Item = z.object({ productId: Id, name: z.string(), quantity: z.int(), price: z.number() });
export type Item = z.output<typeof Item>;

/** Why nothing was ordered, as its caller hears it. */
export const Refusal = z.object({
  status: z.union([z.literal(400), z.literal(404), z.literal(409)]),
  error: z.string(),
  fields: z.record(z.string(), z.unknown()),
});
export type Refusal = z.output<typeof Refusal>;

export const OrderRow = z.object({
  id: z.coerce.number(),
  customerId: z.string(),
  customer: Id,
  items: z.array(Item),
  total: z.coerce.number(),
  state: z.enum(STATES),
  key: z.string(),
  reservationId: z.string().nullable(),
  reason: z.string().nullable(),
  /** The payment that paid it, or that tried to too late. */
  paidBy: z.string().nullable(),
  /** Whether it was tried to take the stock of its expired hold once more. */
  isLate: z.boolean(),
  refusal: Refusal.nullable(),
  requestKey: z.string().nullable(),
  requestHash: z.string().nullable(),
  /** Whether who began its step has given up by now. */
  isLeft: z.boolean(),
  createdAt: z.date(),
  updatedAt: z.date(),
});
export type Order = z.output<typeof OrderRow>;

/** The order's name in the inventory. */
export const nameOf = (id: number): string => `order-${id}`;
/** null: no name of ours. */
export function idOfName(name: string | null): number | null {
  const [, digits] = /^order-([1-9]\d{0,14})$/.exec(name ?? "") ?? [];
  return digits === undefined ? null : Number(digits);
}

export type Status = "PENDING" | "CONFIRMED" | "CANCELLED";

/** A step that is not certain yet has not happened for who looks: what is REACQUIRING was CANCELLED. */
export function statusOf({ state }: Order): Status {
  if (state === "REACQUIRING") return "CANCELLED";
  return state === "CONFIRMED" || state === "CANCELLED" ? state : "PENDING";
}

/** Why an order is cancelled whose hold ran out, by itself and not because somebody wanted it. */
export const HOLD_EXPIRED = "the reservation expired";
export const wasExpired = ({ reason }: Order): boolean => reason === HOLD_EXPIRED;

export const isSame = (amount: number, other: number): boolean =>
  inCents(amount) === inCents(other);

const inCents = (amount: number): number => Math.round(amount * 100);

/** Of one line; exact as long as it is below what an order may come to. */
export const subtotalOf = ({ price, quantity }: Pick<Item, "price" | "quantity">): number =>
  (inCents(price) * quantity) / 100;

export const totalOf = (items: readonly Pick<Item, "price" | "quantity">[]): number =>
  items.reduce((sum, { price, quantity }) => sum + inCents(price) * quantity, 0) / 100;

/** Units of each product, however many lines it has. */
export function unitsOf(
  items: readonly Pick<Item, "productId" | "quantity">[],
): readonly { readonly productId: string; readonly quantity: number }[] {
  const units = new Map<string, number>();
  for (const { productId, quantity } of items) {
    units.set(String(productId), (units.get(String(productId)) ?? 0) + quantity);
  }
  return Array.from(units, ([productId, quantity]) => ({ productId, quantity }));
}

/** As callers see it. */
export function toldOrder(order: Order) {
  const { reason, paidBy } = order;
  const status = statusOf(order);
  return {
    id: order.id,
    customerId: order.customer,
    items: order.items.map(({ productId, quantity, price }) => {
      return { productId, quantity, price, subtotal: subtotalOf({ price, quantity }) };
    }),
    totalAmount: order.total,
    status,
    ...(status === "CANCELLED" && reason !== null ? { reason } : {}),
    ...(status === "CONFIRMED" && paidBy !== null ? { paymentId: paidBy } : {}),
    createdAt: order.createdAt.toISOString(),
    updatedAt: order.updatedAt.toISOString(),
  };
}
