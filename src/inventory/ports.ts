/**
 * What the core needs from the world, as types. `src/redis` and `src/postgres` give it; the core
 * never learns how. A command carries everything Lua needs; an outcome is what a caller may hear.
 */
import type {
  AdjustmentType,
  Attributes,
  CustomerId,
  Disposition,
  Location,
  Movement,
  MovementContext,
  OrderId,
  Product,
  ProductId,
  Reservation,
  ReservationId,
  ReservationStatus,
  Sku,
  StockStatus,
} from "#inventory/model";

export type * from "#inventory/drain-ports";

/** An `Idempotency-Key` within its scope, and the request it came with, both as hashes. */
export interface Operation {
  /** 32 hex characters: subject, route and key. */
  readonly key: string;
  /** 16 hex characters: the request's body. */
  readonly payload: string;
}

/** What every command carries. */
export interface CommandBase {
  readonly context: MovementContext;
  readonly operation: Operation | null;
  /** Epoch milliseconds of this process's clock by which the caller must have an answer. */
  readonly deadline: number;
}

export interface InitializeCommand extends CommandBase, Attributes {
  readonly productId: ProductId;
  readonly location: Location;
  readonly initialStock: number;
}
export type InitializeOutcome =
  | { readonly kind: "initialized"; readonly product: Product; readonly replayed: boolean }
  | { readonly kind: "exists"; readonly product: Product }
  | { readonly kind: "sku_taken"; readonly productId: ProductId; readonly product: Product | null }
  | { readonly kind: "key_reused" };

export interface AmendCommand extends CommandBase {
  readonly productId: ProductId;
  readonly changes: Partial<Omit<Attributes, "sku">>;
  /** seq the product must still have; null when the caller does not care. */
  readonly expectedSeq: number | null;
}
export type AmendOutcome =
  | { readonly kind: "amended"; readonly product: Product; readonly replayed: boolean }
  | { readonly kind: "expected_mismatch"; readonly product: Product }
  | { readonly kind: "unknown_product" }
  | { readonly kind: "key_reused" };

export interface AdjustCommand extends CommandBase {
  readonly productId: ProductId;
  /** null: the product's home. */
  readonly location: Location | null;
  /** Signed, not zero, ±10^9. */
  readonly delta: number;
  readonly type: AdjustmentType;
  /** onHand over all locations that the caller expects to find; null when it does not care. */
  readonly expectedQuantity: number | null;
}
export type AdjustOutcome =
  | { readonly kind: "adjusted"; readonly product: Product; readonly replayed: boolean }
  | { readonly kind: "below_reserved"; readonly onHand: number; readonly reserved: number }
  | { readonly kind: "above_limit"; readonly onHand: number }
  | { readonly kind: "expected_mismatch"; readonly product: Product }
  | { readonly kind: "unknown_product" }
  | { readonly kind: "key_reused" };

/** What a caller asks for of one product. Products of one command are distinct. */
export interface RequestedLine {
  readonly productId: ProductId;
  readonly quantity: number;
  /** null: the product's locations in their order, home first. */
  readonly location: Location | null;
}

export interface ReserveCommand extends CommandBase {
  /** 128-bit hash of customer, order and scope, in hex: the record's key. */
  readonly owner: string;
  /** 8 random characters that tell this hold from others of its owner. */
  readonly generation: string;
  readonly customerId: CustomerId | null;
  /** null: the hold is the product's own (a standing hold). */
  readonly orderId: OrderId | null;
  readonly lines: readonly RequestedLine[];
  /** null: a standing hold, which is never due. */
  readonly holdSeconds: number | null;
  readonly mode: ReserveMode;
  /** Decide and answer, and change nothing. */
  readonly dryRun: boolean;
  /** Adds to the owner's live hold instead of replacing it; a repeat without a key adds again. */
  readonly adds: boolean;
}
/** What a cart that cannot be had whole gets: nothing, or of each line what can be had. */
export const RESERVE_MODES = ["all_or_nothing", "best_effort"] as const;
export type ReserveMode = (typeof RESERVE_MODES)[number];

/** Units of a product that nobody holds at one location. */
export interface FreeLevel {
  readonly location: Location;
  readonly available: number;
}
/** A line that gets less than it asks for. */
export interface ShortLine {
  readonly productId: ProductId;
  readonly requested: number;
  /** The largest quantity that this caller could have: what is available and its own live hold. */
  readonly largest: number;
  /** Units that anybody could take, at the line's location if it names one. */
  readonly available: number;
  /** Every location of the product; safety stock is not taken off, for it is the product's. */
  readonly locations: readonly FreeLevel[];
  /**
   * When the next live hold with units of it is due (epoch milliseconds, Redis's clock); null where
   * none of the next few is, and where it could not be told at once.
   */
  readonly nextHoldEndsAt: number | null;
}
export type ReserveOutcome =
  /** `short` are lines that got less than they asked for; only with `best_effort`. */
  | {
      readonly kind: "reserved";
      readonly reservation: Reservation;
      readonly short: readonly ShortLine[];
    }
  | {
      readonly kind: "held";
      readonly reservation: Reservation;
      readonly replayed: boolean;
      readonly short: readonly ShortLine[];
    }
  /** The answer to a dry run: what each line would get. */
  | {
      readonly kind: "possible";
      readonly lines: readonly LineQuantity[];
      readonly short: readonly ShortLine[];
    }
  | { readonly kind: "already_confirmed"; readonly reservation: Reservation }
  | { readonly kind: "insufficient"; readonly lines: readonly ShortLine[] }
  | { readonly kind: "unknown_product"; readonly productId: ProductId }
  | { readonly kind: "key_reused" };

export interface SellCommand extends CommandBase, RequestedLine {
  /** onHand over all locations that the caller expects to find; null when it does not care. */
  readonly expectedQuantity: number | null;
}
/** Units that were taken at one location. */
export interface Taken {
  readonly location: Location;
  readonly quantity: number;
}
export type SellOutcome =
  | {
      readonly kind: "sold";
      /** As the sale left it: what was available before is that and what was taken. */
      readonly product: Product;
      readonly allocations: readonly Taken[];
      readonly replayed: boolean;
    }
  | { readonly kind: "insufficient"; readonly lines: readonly ShortLine[] }
  | { readonly kind: "expected_mismatch"; readonly product: Product }
  | { readonly kind: "unknown_product" }
  | { readonly kind: "key_reused" };

/** What the ledger says of an order and one product, as far as it goes. */
export interface OrderSales {
  /** Every movement of the partition up to this seq is in the sums. */
  readonly seq: number;
  readonly sold: number;
  /** Units that came back, sold again or scrapped. */
  readonly returned: number;
}
export interface ReturnCommand extends CommandBase {
  readonly productId: ProductId;
  /** null: the product's home. */
  readonly location: Location | null;
  readonly quantity: number;
  readonly disposition: Disposition;
  /** 128-bit hash of order and product, in hex: where Redis notes the last return of the two. */
  readonly owner: string;
  readonly sales: OrderSales;
}
export type ReturnOutcome =
  | {
      readonly kind: "returned";
      readonly product: Product;
      readonly sold: number;
      /** Units of that order that came back, with these. */
      readonly returned: number;
      readonly replayed: boolean;
    }
  /** More than was sold and is not back yet; nothing was changed. */
  | { readonly kind: "exceeds_sold"; readonly sold: number; readonly returned: number }
  | { readonly kind: "above_limit"; readonly onHand: number }
  | { readonly kind: "unknown_product" }
  | { readonly kind: "key_reused" };

/** A change to a hold that exists. */
export interface HoldCommand extends CommandBase {
  readonly reservationId: ReservationId;
  /** The customer the hold must belong to; null for services and admins, who may touch any. */
  readonly customerId: CustomerId | null;
}
/** Quantity of one product of a hold. */
export interface LineQuantity {
  readonly productId: ProductId;
  readonly quantity: number;
}
export interface EndCommand extends HoldCommand {
  /** null: all that is held. */
  readonly lines: readonly LineQuantity[] | null;
}
export interface ConfirmCommand extends EndCommand {
  /** Generation of the sale that an expired hold may become; without one, what expired stays so. */
  readonly reacquireAs?: string;
}
/** Answers that confirm, cancel and extend share. */
export type HoldRefusal =
  | { readonly kind: "confirmed"; readonly reservation: Reservation }
  | { readonly kind: "cancelled"; readonly reservation: Reservation }
  | { readonly kind: "expired"; readonly reservation: Reservation }
  /** More than the hold has of that product; nothing was changed. */
  | { readonly kind: "exceeds_held"; readonly productId: ProductId; readonly held: number }
  /** Another generation of this owner lives: the ledger knows how this one ended. */
  | { readonly kind: "superseded" }
  /** It expired, and the stock to sell it after all is not there; of confirm alone. */
  | { readonly kind: "insufficient"; readonly lines: readonly ShortLine[] }
  | { readonly kind: "unknown_reservation" }
  | { readonly kind: "key_reused" };
/** `done`: this call or an earlier copy of it did it. */
export type HoldDone = {
  readonly kind: "done";
  readonly reservation: Reservation;
  readonly replayed: boolean;
};
export type HoldOutcome = HoldDone | HoldRefusal;

export interface ExtendCommand extends HoldCommand {
  /** The hold shall live this many seconds from now; never sooner than it was due. */
  readonly holdSeconds: number;
}

export interface ExpireResult {
  /** Holds released by this call. */
  readonly expired: number;
  /** Whether the bound of one call left more that is due. */
  readonly more: boolean;
}

/** Redis as the core sees it. Every method rejects with a Fault when Redis cannot be used. */
export interface StockStore {
  initialize(command: InitializeCommand): Promise<InitializeOutcome>;
  amend(command: AmendCommand): Promise<AmendOutcome>;
  adjust(command: AdjustCommand): Promise<AdjustOutcome>;
  reserve(command: ReserveCommand): Promise<ReserveOutcome>;
  sell(command: SellCommand): Promise<SellOutcome>;
  /** `moved`: there may have been a return after `command.sales.seq`; ask the ledger again. */
  return(command: ReturnCommand): Promise<ReturnOutcome | { readonly kind: "moved" }>;
  confirm(command: ConfirmCommand): Promise<HoldOutcome>;
  cancel(command: EndCommand): Promise<HoldOutcome>;
  extend(command: ExtendCommand): Promise<HoldOutcome>;
  /** One bounded step over what is due in that partition; without a deadline it has 3 s. */
  expire(partition: number, deadline?: number): Promise<ExpireResult>;
  /** Milliseconds until that second by the partition's Redis clock; zero or less when it has come. */
  msUntil(partition: number, second: number): number;
  /** One product, or null; all reads of one turn of the event loop share a round trip. */
  product(productId: ProductId, deadline: number): Promise<Product | null>;
  productOfSku(sku: Sku, deadline: number): Promise<ProductId | null>;
  /** The record of that id, null when Redis does not have that generation (any more). */
  reservation(reservationId: ReservationId, deadline: number): Promise<Reservation | null>;
  /** Ids at or below their threshold, lowest available first. */
  lowStock(limit: number, deadline: number): Promise<readonly ProductId[]>;
  /** Where each partition's sequence (or that of `only` one) stands now: what a ledger read waits for. */
  positions(deadline: number, only?: number | null): Promise<readonly Position[]>;
  /** The partition where that product lives, or would. */
  partitionOf(productId: ProductId): number;
  readonly partitions: number;
}

export interface Position {
  readonly partition: number;
  readonly seq: number;
  /** Everything up to here is in the ledger. */
  readonly drained: number;
}

/** A page of a list; the cursor is opaque. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}
/** Whose sales are asked for. */
export interface SalesQuery {
  readonly partition: number;
  readonly productId: ProductId;
  readonly orderId: OrderId;
  /** null: whoever's; else what it bought, and what came back of it or in nobody's name. */
  readonly customerId: CustomerId | null;
}
export interface ProductQuery {
  readonly q: string | null;
  readonly status: StockStatus | null;
  readonly location: Location | null;
  readonly cursor: string | null;
  readonly limit: number;
}
export interface ReservationQuery {
  readonly orderId: OrderId | null;
  readonly customerId: CustomerId | null;
  readonly status: ReservationStatus | null;
  readonly cursor: string | null;
  readonly limit: number;
}

/** PostgreSQL as the core sees it: reads only; the drain alone writes. */
export interface Ledger {
  /** Newest first. */
  movements(productId: ProductId, limit: number, deadline: number): Promise<readonly Movement[]>;
  /**
   * What an order was sold of a product, and what came back. Rejects with `ledger_unavailable`
   * also while a return of that product is in quarantine, where no sum has it.
   */
  orderSales(query: SalesQuery, deadline: number): Promise<OrderSales>;
  /** Ids in a stable order; the counters on the rows are read live from Redis. */
  products(query: ProductQuery, deadline: number): Promise<Page<ProductId>>;
  productOfSku(sku: Sku, deadline: number): Promise<ProductId | null>;
  reservation(reservationId: ReservationId, deadline: number): Promise<Reservation | null>;
  reservations(query: ReservationQuery, deadline: number): Promise<Page<Reservation>>;
}
