/**
 * What the core needs from the world, as types. `src/redis` and `src/postgres` give it; the core
 * never learns how. A command carries everything Lua needs; an outcome is what a caller may hear.
 */
import type {
  AdjustmentType,
  Attributes,
  CustomerId,
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
  /** Ids in a stable order; the counters on the rows are read live from Redis. */
  products(query: ProductQuery, deadline: number): Promise<Page<ProductId>>;
  productOfSku(sku: Sku, deadline: number): Promise<ProductId | null>;
  reservation(reservationId: ReservationId, deadline: number): Promise<Reservation | null>;
  reservations(query: ReservationQuery, deadline: number): Promise<Page<Reservation>>;
}

/** A place in a partition's journal: all movements up to and including `seq` are behind it. */
export interface Cursor {
  readonly epoch: number;
  readonly seq: number;
}

/** One journal entry, which is what one batch changed; its id is `<epoch>-<seq of its last movement>`. */
export interface JournalEntry {
  readonly epoch: number;
  readonly seq: number;
  /** In order of seq, without a gap; the last one has the entry's seq. */
  readonly movements: readonly Movement[];
  /** Last state in this batch of each hold (owner and generation) that it changed. */
  readonly reservations: readonly Reservation[];
  /** Products made or amended, as they were after the batch. */
  readonly products: readonly Product[];
}

/** The journal as the drain sees it. */
export interface Journal {
  readonly partitions: number;
  /**
   * Entries after the cursor, oldest first; waits up to `waitMsMax` when there is none. Rejects with
   * Fault `partition_fenced` when Redis is fenced or holds another store's journal.
   */
  read(
    partition: number,
    after: Cursor,
    entriesMax: number,
    waitMsMax: number,
  ): Promise<readonly JournalEntry[]>;
  /**
   * Tells Redis how far the ledger is, and trims what lies behind the kept tail. `located`: read
   * from PostgreSQL, which may stand before what Redis was told (restored from a backup).
   * Rejects with Fault `partition_fenced` when Redis is not the one whose journal this is.
   */
  settle(partition: number, drained: Cursor, how: "located" | "appended"): Promise<void>;
}

/** What the drain hands to PostgreSQL in one statement. */
export interface LedgerBatch {
  readonly partition: number;
  /** Where the cursor must be; the statement changes nothing otherwise. */
  readonly from: Cursor;
  readonly to: Cursor;
  readonly movements: readonly Movement[];
  readonly reservations: readonly Reservation[];
  readonly products: readonly Product[];
}
export type AppendOutcome =
  | { readonly kind: "appended" }
  /** Another drain moved the cursor: read it again. */
  | { readonly kind: "cursor_moved" }
  /** PostgreSQL refuses a row of the batch (its data, not its state): narrow it down. */
  | { readonly kind: "refused"; readonly error: string };

/** The ledger as the drain sees it. Rejects with Fault `ledger_unavailable` while PostgreSQL is away. */
export interface LedgerWriter {
  cursor(partition: number): Promise<Cursor>;
  append(batch: LedgerBatch): Promise<AppendOutcome>;
  /** Sets one refused movement aside with its payload, and moves the cursor over it, in one statement. */
  quarantine(batch: LedgerBatch, error: string): Promise<AppendOutcome>;
  /** Movements set aside and not yet settled by an operator. */
  quarantined(): Promise<number>;
}

/** What a partition's Redis answers when an epoch shall begin there. */
export type BeginAnswer =
  | { readonly kind: "begun"; readonly epoch: number; readonly seq: number }
  /** Redis has seen a higher epoch: take one above it. */
  | { readonly kind: "used"; readonly epoch: number }
  /** Redis lacks movements that the ledger has. */
  | { readonly kind: "behind"; readonly seq: number }
  /** Redis holds another store's data. */
  | { readonly kind: "foreign" };

/** The ledger's part in beginning an epoch. */
export interface EpochLedger {
  /** Random, the same in PostgreSQL and in every partition's meta. */
  readonly storeId: string;
  /**
   * Takes an epoch number that no history ever had (it is spent even if nothing comes of it), then
   * asks Redis to begin it, and notes an epoch that began. Appends prepared before move nothing.
   * `known.seq` is the highest seq that the ledger has heard of, `known.epoch` the last epoch that
   * began: a Redis without them is an older one.
   */
  begin(
    partition: number,
    runId: string,
    ask: (epoch: number, known: Cursor) => Promise<BeginAnswer>,
  ): Promise<BeginAnswer>;
}
