/**
 * What the core needs from the world, as types. `src/redis` and `src/postgres` give it; the core
 * never learns how. A command carries everything Lua needs; an outcome is what a caller may hear.
 */
import type { CustomerHolds, CustomerHoldsQuery } from "#inventory/list-customer-holds";
import type { LimitStore, SalesOfLimit } from "#inventory/limit-ports";
import type {
  AboveQuota,
  CancelOutcome,
  ConfirmCommand,
  ConfirmOutcome,
  EndCommand,
  ExtendCommand,
  ExtendOutcome,
  Insufficient,
  ReassignCommand,
  ReassignOutcome,
  RequestedLine,
  ReserveCommand,
  ReserveOutcome,
} from "#inventory/hold-ports";
import type { CampaignStore } from "#inventory/campaigns";
import type { LevelSince, LevelThen } from "#inventory/count-ports";
import type { CommandBase } from "#inventory/command-ports";
import type { AboveLimit } from "#inventory/level-limit";
import type {
  MovementFilter,
  MovementQuery,
  MovementSpan,
  Page,
  StockAt,
} from "#inventory/ledger-ports";
import type { Receipt } from "#inventory/durability";
import type {
  AmendLocationCommand,
  AmendLocationOutcome,
  KnownLocation,
  RegisterLocationCommand,
  RegisterLocationOutcome,
  TransferCommand,
  TransferOutcome,
} from "#inventory/location-ports";
import type {
  AdjustmentType,
  Attributes,
  CustomerId,
  Disposition,
  Location,
  Movement,
  OrderId,
  Product,
  ProductId,
  Reservation,
  RegisteredLocation,
  ReservationId,
  ReservationStatus,
  Sku,
  StockStatus,
} from "#inventory/model";

export type * from "#inventory/command-ports";
export type * from "#inventory/drain-ports";
export type * from "#inventory/event-ports";
export type * from "#inventory/ledger-ports";
export type * from "#inventory/hold-ports";

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
  /** Signed, not zero, ±10^9; of a COUNT also zero, ±10^12. */
  readonly delta: number;
  readonly type: AdjustmentType | "COUNT";
  /** onHand over all locations that the caller expects to find; null when it does not care. */
  readonly expectedQuantity: number | null;
  /** seq the product must still have; null when the caller does not care. */
  readonly expectedSeq: number | null;
}
export type AdjustOutcome =
  | { readonly kind: "adjusted"; readonly product: Product; readonly replayed: boolean }
  | { readonly kind: "below_reserved"; readonly onHand: number; readonly reserved: number }
  | AboveLimit
  | { readonly kind: "expected_mismatch"; readonly product: Product }
  | { readonly kind: "unknown_product" }
  | { readonly kind: "key_reused" };

export interface CountCommand extends CommandBase {
  readonly productId: ProductId;
  /** null: the product's home. */
  readonly location: Location | null;
  /** Units that are there, 0 … 10^12. */
  readonly quantity: number;
}
export type CountOutcome =
  | { readonly kind: "counted"; readonly product: Product; readonly replayed: boolean }
  /** Counts of that location. */
  | { readonly kind: "below_reserved"; readonly onHand: number; readonly reserved: number }
  | AboveLimit
  | { readonly kind: "unknown_product" }
  | { readonly kind: "key_reused" };

export interface SellCommand extends CommandBase, RequestedLine {
  /** onHand over all locations that the caller expects to find; null when it does not care. */
  readonly expectedQuantity: number | null;
  /** Whose it is, where its product has a limit; null: nobody's. */
  readonly customerId: CustomerId | null;
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
  | Insufficient
  | AboveQuota
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
  /** Absent where nothing limits what customers have, or its units are no customer's. */
  readonly limit?: SalesOfLimit;
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
  | AboveLimit
  | { readonly kind: "unknown_product" }
  | { readonly kind: "key_reused" };

export interface ExpireResult {
  /** Holds released by this call. */
  readonly expired: number;
  /** Whether the bound of one call left more that is due. */
  readonly more: boolean;
}

/** Redis as the core sees it. Every method rejects with a Fault when Redis cannot be used. */
export interface StockStore extends LimitStore {
  readonly campaigns: CampaignStore;
  initialize(command: InitializeCommand): Promise<InitializeOutcome>;
  amend(command: AmendCommand): Promise<AmendOutcome>;
  adjust(command: AdjustCommand): Promise<AdjustOutcome>;
  transfer(command: TransferCommand): Promise<TransferOutcome>;
  count(command: CountCommand): Promise<CountOutcome>;
  registerLocation(command: RegisterLocationCommand): Promise<RegisterLocationOutcome>;
  amendLocation(command: AmendLocationCommand): Promise<AmendLocationOutcome>;
  reserve(command: ReserveCommand): Promise<ReserveOutcome>;
  sell(command: SellCommand): Promise<SellOutcome>;
  /** `moved`: there may have been a return after `command.sales.seq`; ask the ledger again. */
  return(command: ReturnCommand): Promise<ReturnOutcome | { readonly kind: "moved" }>;
  confirm(command: ConfirmCommand): Promise<ConfirmOutcome>;
  cancel(command: EndCommand): Promise<CancelOutcome>;
  extend(command: ExtendCommand): Promise<ExtendOutcome>;
  reassign(command: ReassignCommand): Promise<ReassignOutcome>;
  /** One bounded step over what is due in that partition; without a deadline it has 3 s. */
  expire(partition: number, deadline?: number, receipts?: Receipt[]): Promise<ExpireResult>;
  /** Milliseconds until that second by the partition's Redis clock; zero or less when it has come. */
  msUntil(partition: number, second: number): number;
  /** One product, or null; all reads of one turn of the event loop share a round trip. */
  product(productId: ProductId, deadline: number): Promise<Product | null>;
  /** Each of them, or null, in their order and of one moment. */
  products(
    productIds: readonly ProductId[],
    deadline: number,
  ): Promise<readonly (Product | null)[]>;
  productOfSku(sku: Sku, deadline: number): Promise<ProductId | null>;
  /** The record of that id, null when Redis does not have that generation (any more). */
  reservation(reservationId: ReservationId, deadline: number): Promise<Reservation | null>;
  /** Every registered location, in no order. */
  locations(deadline: number): Promise<readonly RegisteredLocation[]>;
  /** Whether some location is inactive or a campaign is known: there may be stock which is not available. */
  hasInactiveLocation(deadline: number): Promise<boolean>;
  /** Ids at or below their threshold if every location were active, lowest first. */
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

/** A part of a list that is counted, and how many rows all of it has. */
export interface Counted<T> {
  readonly items: readonly T[];
  readonly total: number;
}
/** Which part. */
export interface RowRange {
  readonly before: number;
  readonly limit: number;
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
export interface ReorderCandidate {
  readonly productId: ProductId;
  /** Units that are expected. */
  readonly incoming: number;
  /** When the first of them are, in epoch milliseconds; null where none are. */
  readonly nextExpectedAt: number | null;
}
/** null: any. */
export interface RecentProductFilter {
  readonly status: StockStatus | null;
  /** One where the product has a level, if an empty one. */
  readonly location: Location | null;
  /** Only those at or below their threshold. */
  readonly isLow: boolean;
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
  /** By time; a page may have fewer rows than its limit, even none, and still lead on. */
  movementPage(query: MovementQuery, deadline: number): Promise<Page<Movement>>;
  /** The seqs of each partition that have what the filter says of time and partition. */
  movementSpans(filter: MovementFilter, deadline: number): Promise<readonly MovementSpan[]>;
  /** Time (epoch ms) of the newest movement that was put away; null: none was. `partition` null: any. */
  putAwayUntil(partition: number | null, deadline: number): Promise<number | null>;
  /** Movements from the beginning of a span, oldest first, and what of the span is left. */
  movementsIn(
    filter: MovementFilter,
    span: MovementSpan,
    deadline: number,
  ): Promise<{ readonly movements: readonly Movement[]; readonly rest: MovementSpan | null }>;
  /**
   * A product's levels after its last movement at or before `at` (epoch ms). Rejects with
   * `ledger_unavailable` also while a movement after that is in quarantine.
   */
  stockAt(
    of: { readonly productId: ProductId; readonly partition: number; readonly at: number },
    deadline: number,
  ): Promise<StockAt>;
  /**
   * What an order was sold of a product, and what came back. Rejects with `ledger_unavailable`
   * also while a return of that product is in quarantine, where no sum has it.
   */
  orderSales(query: SalesQuery, deadline: number): Promise<OrderSales>;
  /** Ids in a stable order; the counters on the rows are read live from Redis. */
  products(query: ProductQuery, deadline: number): Promise<Page<ProductId>>;
  /** Ids by their last movement, newest first, then by id; range and total are of one state. */
  recentProducts(
    filter: RecentProductFilter,
    rows: RowRange,
    deadline: number,
  ): Promise<Counted<ProductId>>;
  productOfSku(sku: Sku, deadline: number): Promise<ProductId | null>;
  /** Highest priority first, then by name; range and total are of one state. `active` null: both. */
  knownLocations(
    active: boolean | null,
    rows: RowRange,
    deadline: number,
  ): Promise<Counted<KnownLocation>>;
  /** What is known of levels since some instants, in the order asked. */
  since(levels: readonly LevelThen[], deadline: number): Promise<readonly LevelSince[]>;
  /** What became of holds, customer by customer, most expired units first. */
  customerHolds(query: CustomerHoldsQuery, deadline: number): Promise<Page<CustomerHolds>>;
  /** Ids that are at or below their reorder point, in a stable order, and what is expected of each. */
  reorder(cursor: string | null, limit: number, deadline: number): Promise<Page<ReorderCandidate>>;
  /** Ids with stock at inactive locations that are low without it, lowest first. */
  lowWithoutInactive(limit: number, deadline: number): Promise<readonly ProductId[]>;
  reservation(reservationId: ReservationId, deadline: number): Promise<Reservation | null>;
  reservations(query: ReservationQuery, deadline: number): Promise<Page<Reservation>>;
}
