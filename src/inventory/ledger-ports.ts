/** What may be asked of the ledger: movements by what they say, and stock at an instant. */
import type {
  CustomerId,
  Location,
  MovementType,
  OrderId,
  ProductId,
  ReservationId,
} from "#inventory/model";

/** A page of a list; the cursor is opaque. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** null: any. */
export interface MovementFilter {
  readonly productId: ProductId | null;
  readonly location: Location | null;
  /** Any of these. */
  readonly types: readonly MovementType[] | null;
  readonly orderId: OrderId | null;
  readonly customerId: CustomerId | null;
  readonly reservationId: ReservationId | null;
  readonly actor: string | null;
  readonly reference: string | null;
  readonly requestId: string | null;
  readonly partition: number | null;
  /** Epoch milliseconds by Redis's clock. */
  readonly from: number | null;
  /** The first millisecond that is not asked for. */
  readonly to: number | null;
}

/** Of a list: by time, then by partition, then by seq. */
export const MOVEMENT_ORDERS = ["newest", "oldest"] as const;
export type MovementOrder = (typeof MOVEMENT_ORDERS)[number];

export interface MovementQuery extends MovementFilter {
  readonly order: MovementOrder;
  readonly cursor: string | null;
  readonly limit: number;
}

/** Movements of one partition, both ends included. */
export interface MovementSpan {
  readonly partition: number;
  readonly first: number;
  readonly last: number;
}

export interface LevelAt {
  readonly location: Location;
  readonly onHand: number;
  readonly reserved: number;
  /** Of its last movement until then; null where that is no longer kept. */
  readonly seq: number | null;
}

export interface StockAt {
  /** The product's locations then, by name. */
  readonly levels: readonly LevelAt[];
  /** Whether the ledger knows the product at all. */
  readonly known: boolean;
  /** Whether movements of that time are still in the ledger. */
  readonly kept: boolean;
  /** Whether attributes, or the registry's rules, changed since. */
  readonly amended: boolean;
}
