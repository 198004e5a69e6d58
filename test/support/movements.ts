/** Movements, holds and products as a journal has them, for tests of the ledger. */
import {
  CustomerId,
  DEFAULT_ATTRIBUTES,
  DEFAULT_RULE,
  Location,
  OrderId,
  ProductId,
  Sku,
  type Movement,
  type MovementType,
  type Product,
  type Reservation,
} from "#inventory/model";
import type { Crossing, Cursor, JournalEntry, LedgerBatch, StockAlert } from "#inventory/ports";
import { reservationIdOf } from "#inventory/reservation-id";

/** A full second, so that due times are whole. */
export const EPOCH_MS = 1_732_175_000_000;
export const HOME = Location.parse("default");

/** A movement of one unit into a hold of `product`, unless `fields` says otherwise. */
export function movement(seq: number, fields: Partial<Movement> = {}): Movement {
  return {
    partition: 0,
    seq,
    epoch: 1,
    type: "RESERVE",
    productId: ProductId.parse("product-1"),
    location: HOME,
    onHandBefore: 1_000_000,
    onHandAfter: 1_000_000,
    reservedBefore: seq - 1,
    reservedAfter: seq,
    reservationId: null,
    orderId: null,
    customerId: null,
    actor: "service:test",
    reason: null,
    reference: null,
    requestId: null,
    at: EPOCH_MS + seq,
    ...fields,
  };
}

/** `count` movements from `first` on. */
export function movements(
  first: number,
  count: number,
  fields: Partial<Movement> = {},
): Movement[] {
  return Array.from({ length: count }, (_, index) => movement(first + index, fields));
}

/** A movement that no CHECK lets pass: more is held than there is. */
export const oversold = (seq: number, fields: Partial<Movement> = {}): Movement =>
  movement(seq, {
    onHandBefore: 1,
    onHandAfter: 1,
    reservedBefore: 1,
    reservedAfter: 2,
    ...fields,
  });

/** What `product-1` came to with that movement. */
export function crossing(seq: number, kind: StockAlert = "low"): Crossing {
  return { seq, kind, productId: ProductId.parse("product-1"), units: 3, at: EPOCH_MS + seq };
}

/** A live hold; `number` makes it one of its own. */
export function reservation(number: number, fields: Partial<Reservation> = {}): Reservation {
  const owner = number.toString(16).padStart(32, "0");
  return {
    reservationId: reservationIdOf(0, owner, "abcd1234"),
    orderId: OrderId.parse(`order-${number}`),
    customerId: CustomerId.parse("customer-1"),
    status: "ACTIVE",
    endReason: "",
    allocations: [
      {
        productId: ProductId.parse("product-1"),
        location: HOME,
        held: 1,
        confirmed: 0,
        released: 0,
      },
    ],
    createdAt: EPOCH_MS + number,
    expiresAt: EPOCH_MS + 900_000,
    seq: number,
    ...fields,
  };
}

/** A product as `INITIAL` makes it, with `onHand` units at its home. */
export function product(id: string, seq: number, fields: Partial<Product> = {}): Product {
  return {
    ...DEFAULT_ATTRIBUTES,
    productId: ProductId.parse(id),
    sku: Sku.parse(`sku-${id}`),
    home: HOME,
    levels: [{ location: HOME, onHand: 0, reserved: 0, ...DEFAULT_RULE }],
    createdAt: EPOCH_MS,
    updatedAt: EPOCH_MS,
    lastRestocked: null,
    limitSince: null,
    seq,
    ...fields,
  };
}

/** A batch of these movements, which follow each other, from where they begin. */
export function batch(
  rows: readonly Movement[],
  states: Partial<
    Pick<
      LedgerBatch,
      "reservations" | "products" | "locations" | "operations" | "crossings" | "records"
    >
  > & {
    from?: Cursor;
  } = {},
): LedgerBatch {
  const first = rows[0];
  const last = rows.at(-1);
  if (first === undefined || last === undefined) throw new Error("a batch needs movements");
  return {
    partition: first.partition,
    from: states.from ?? { epoch: first.seq === 1 ? 0 : first.epoch, seq: first.seq - 1 },
    to: { epoch: last.epoch, seq: last.seq },
    movements: rows,
    reservations: states.reservations ?? [],
    products: states.products ?? [],
    locations: states.locations ?? [],
    operations: states.operations ?? [],
    crossings: states.crossings ?? [],
    records: states.records ?? [],
  };
}

/** One journal entry of these movements. */
export function entry(
  rows: readonly Movement[],
  states: Partial<
    Pick<
      JournalEntry,
      "reservations" | "products" | "locations" | "operations" | "crossings" | "records"
    >
  > = {},
): JournalEntry {
  const last = rows.at(-1);
  if (last === undefined) throw new Error("an entry needs movements");
  return {
    epoch: last.epoch,
    seq: last.seq,
    movements: rows,
    reservations: states.reservations ?? [],
    products: states.products ?? [],
    locations: states.locations ?? [],
    operations: states.operations ?? [],
    crossings: states.crossings ?? [],
    records: states.records ?? [],
  };
}

/** Units before and after, of a movement of that type that is in order. */
export const EXAMPLES: Record<MovementType, [number, number, number, number]> = {
  INITIAL: [0, 5, 0, 0],
  RESTOCK: [5, 9, 1, 1],
  RETURN: [5, 6, 1, 1],
  SALE: [5, 4, 1, 0],
  ADJUSTMENT: [5, 2, 1, 1],
  RESERVE: [5, 5, 1, 2],
  RELEASE: [5, 5, 2, 1],
  EXPIRE: [5, 5, 2, 0],
  EXTEND: [5, 5, 2, 2],
  TRANSFER: [5, 2, 1, 1],
  COUNT: [5, 5, 1, 1],
  ATTRIBUTE: [5, 5, 2, 2],
  RECORD: [0, 0, 0, 0],
  DRIFT: [5, 9, 2, 1],
  RECONCILE: [9, 5, 1, 2],
};
/** And of one that is not. */
export const WRONG: Record<MovementType, [number, number, number, number]> = {
  INITIAL: [1, 5, 0, 0],
  RESTOCK: [5, 4, 1, 1],
  RETURN: [5, 5, 1, 1],
  SALE: [5, 4, 3, 1],
  ADJUSTMENT: [5, 4, 1, 2],
  RESERVE: [5, 4, 1, 2],
  RELEASE: [5, 5, 1, 2],
  EXPIRE: [5, 6, 1, 0],
  EXTEND: [5, 5, 1, 2],
  TRANSFER: [5, 5, 1, 1],
  COUNT: [5, 2, 1, 2],
  ATTRIBUTE: [5, 4, 0, 0],
  RECORD: [0, 4, 0, 0],
  DRIFT: [5, 4, 1, 5],
  RECONCILE: [5, 4, 1, 5],
};
export function typed(type: MovementType, units: [number, number, number, number]): Movement {
  const [onHandBefore, onHandAfter, reservedBefore, reservedAfter] = units;
  const counts = { onHandBefore, onHandAfter, reservedBefore, reservedAfter };
  const place = type === "RECORD" ? ({ productId: null, location: "" } as const) : {};
  return movement(1, { type, ...counts, ...place });
}
