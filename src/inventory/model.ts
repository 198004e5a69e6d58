/**
 * The words of the domain as types and rules: ids, products, levels, reservations, movements.
 * Everything here is pure; the rules about what an id or a quantity may be live nowhere else.
 */
import { z } from "zod";

/** Most units one operation may move; keeps sums of a batch far below 2^53. Twin: lua/lib/stock.lua. */
export const QUANTITY_MAX = 1_000_000_000;
/** Most units one level may hold. Twin: lua/lib/stock.lua. */
export const STOCK_MAX = 1_000_000_000_000;
/** Most locations of one product. Twin: lua/lib/products.lua. */
export const LOCATIONS_MAX = 64;
/** Most lines of one cart; bounds the work of one item of a batch. */
export const CART_LINES_MAX = 100;
/** Most places of one hold, a product at a location each. Twins: lua/lib. */
export const PLACES_MAX = 400;
/** Priorities of locations: the highest is taken from first; the numbers stand in lua/lib too. */
export const PRIORITY_MAX = 1_000;
export const PRIORITY_DEFAULT = 100;
/** Location of a product that names none. */
export const DEFAULT_LOCATION = "default";
/** Longest hold that any deployment may configure, in minutes (one day). */
export const HOLD_MINUTES_MAX = 1440;

/** Ids become parts of Redis keys: no braces (hash slot), no `%`, no separators of ours. */
export const PRODUCT_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
/** Printable means: no control, format, surrogate or line-separating characters. */
export const PRINTABLE = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+$/u;

const printable = (max: number) =>
  z.string().min(1).max(max).regex(PRINTABLE, "must be printable characters");

export const ProductId = z
  .string()
  .regex(
    PRODUCT_ID_PATTERN,
    "must be 1-64 letters, digits and _.-, starting with a letter or digit",
  )
  .brand<"ProductId">();
export type ProductId = z.infer<typeof ProductId>;

/** A stock keeping unit follows the same rule as a product id: it becomes a key too. */
export const Sku = z
  .string()
  .regex(
    PRODUCT_ID_PATTERN,
    "must be 1-64 letters, digits and _.-, starting with a letter or digit",
  )
  .brand<"Sku">();
export type Sku = z.infer<typeof Sku>;

export const Location = z
  .string()
  .regex(/^[A-Za-z0-9_.-]([A-Za-z0-9 _.-]{0,62}[A-Za-z0-9_.-])?$/, {
    message: "must be 1-64 letters, digits, spaces and _.-, without spaces at the ends",
  })
  .brand<"Location">();
export type Location = z.infer<typeof Location>;

/**
 * Between a location and the campaign that has units of it for itself: `<location>~<campaign>` is a level of
 * its own, which no caller can name. Twin: lua/lib/stock.lua.
 */
export const FENCE_SIGN = "~";
/** Where units are as the ledger has it: a location, or a campaign's ring-fence there. */
export const Place = z
  .string()
  .regex(/^[A-Za-z0-9_.-]([A-Za-z0-9 _.-]{0,62}[A-Za-z0-9_.-])?(~[a-z0-9-]{1,64})?$/)
  .brand<"Location">();
/** The campaign whose ring-fence that is; null: a location as any other. */
export function campaignAt(location: string): string | null {
  const sign = location.indexOf(FENCE_SIGN);
  return sign === -1 ? null : location.slice(sign + 1);
}

export const OrderId = printable(128).brand<"OrderId">();
export type OrderId = z.infer<typeof OrderId>;

export const CustomerId = printable(128).brand<"CustomerId">();
export type CustomerId = z.infer<typeof CustomerId>;

/** Free text of a caller: a reference, a reason, a name. */
export const Text = printable(256);

/** Shorter than free text: it names a document, such as a purchase order. */
export const Reference = printable(128);

/** Units that move: a whole number, 1 to 10^9. */
export const Quantity = z.int().min(1).max(QUANTITY_MAX).brand<"Quantity">();
export type Quantity = z.infer<typeof Quantity>;

/** Units that are: a whole number, 0 to 10^12. */
export const StockCount = z.int().min(0).max(STOCK_MAX);

/** `<partition>-<owner hash>-<generation>`: where a hold lives, whose it is, and which one. */
export const RESERVATION_ID_PATTERN = /^p(0|[1-9]\d{0,3})-([0-9a-f]{32})-([0-9a-z]{8})$/;
export const ReservationId = z
  .string()
  .regex(RESERVATION_ID_PATTERN, "must be an id that reserve answered")
  .brand<"ReservationId">();
export type ReservationId = z.infer<typeof ReservationId>;

/** Whether and in which order units of a location are taken: what the registry says of it. */
export interface LocationRule {
  /** An inactive location is never taken from, and what it has is not available. */
  readonly active: boolean;
  /** 0 … PRIORITY_MAX, highest first; a product's home comes before all. */
  readonly priority: number;
}
/** Of a location that nobody registered. */
export const DEFAULT_RULE: LocationRule = { active: true, priority: PRIORITY_DEFAULT };
/** Of a ring-fence: for all but its campaign it is as an inactive location. */
const FENCE_RULE: LocationRule = { active: false, priority: PRIORITY_DEFAULT };

/** Of a level of which the registry says nothing. */
export const ruleOf = (location: string): LocationRule =>
  campaignAt(location) === null ? DEFAULT_RULE : FENCE_RULE;

/** A location of the registry; times are epoch milliseconds by Redis's clock. */
export interface RegisteredLocation extends LocationRule {
  readonly location: Location;
  readonly name: string | null;
  readonly address: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** seq of its last change in partition 0, which decides for all. */
  readonly version: number;
}

/** Stock of one product at one location. */
export interface Level extends LocationRule {
  readonly location: Location;
  /** Physical units, including those held. */
  readonly onHand: number;
  /** Units in live holds; never more than onHand. */
  readonly reserved: number;
}

/** What an administrator may change about a product without moving stock. */
export interface Attributes {
  readonly sku: Sku;
  readonly name: string | null;
  readonly price: number | null;
  readonly lowStockThreshold: number;
  readonly reorderPoint: number;
  readonly reorderQuantity: number;
  readonly safetyStock: number;
  readonly maxPerCustomer: number | null;
}

/** Values of attributes that nobody named (contract A). */
export const DEFAULT_ATTRIBUTES = {
  name: null,
  price: null,
  lowStockThreshold: 10,
  reorderPoint: 20,
  reorderQuantity: 50,
  safetyStock: 0,
  maxPerCustomer: null,
} as const satisfies Omit<Attributes, "sku">;

/** A product with its levels; times are epoch milliseconds by Redis's clock. */
export interface Product extends Attributes {
  readonly productId: ProductId;
  /** Location where it was initialized: a verb without location adds there and takes there first. */
  readonly home: Location;
  readonly levels: readonly Level[];
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly lastRestocked: number | null;
  /** From when on holds and sales count against `maxPerCustomer`; null: from its beginning. */
  readonly limitSince: number | null;
  /** seq of its last change: its version. */
  readonly seq: number;
}

/** The three numbers of a product, summed over its locations. */
export interface Totals {
  readonly onHand: number;
  readonly reserved: number;
  /** max(0, onHand − reserved of the active locations − safetyStock). */
  readonly available: number;
}

/** Units of a level that nobody holds and that may be taken: none at an inactive location. */
export const freeOf = ({ active, onHand, reserved }: Level): number =>
  active ? onHand - reserved : 0;

export function totalsOf(product: Pick<Product, "levels" | "safetyStock">): Totals {
  let onHand = 0;
  let reserved = 0;
  let free = 0;
  for (const level of product.levels) {
    onHand += level.onHand;
    reserved += level.reserved;
    free += freeOf(level);
  }
  return { onHand, reserved, available: Math.max(0, free - product.safetyStock) };
}

export const STOCK_STATUSES = ["in_stock", "low_stock", "out_of_stock"] as const;
export type StockStatus = (typeof STOCK_STATUSES)[number];

/** `low_stock` is at or below the product's threshold, as the low-stock list has it. */
export function statusOf(available: number, lowStockThreshold: number): StockStatus {
  if (available === 0) return "out_of_stock";
  return available <= lowStockThreshold ? "low_stock" : "in_stock";
}

export const RESERVATION_STATUSES = ["ACTIVE", "CONFIRMED", "CANCELLED", "EXPIRED"] as const;
export type ReservationStatus = (typeof RESERVATION_STATUSES)[number];

/** Why a reservation ended as it did; empty while it is live. */
export const END_REASONS = [
  "",
  "confirmed",
  "cancelled",
  "expired",
  /** The rest of a hold that was cancelled in part. */
  "expired_rest",
  "replaced",
  /** Its units went over to another owner's hold. */
  "reassigned",
] as const;
export type EndReason = (typeof END_REASONS)[number];

/** Units of one product that a reservation took at one location. */
export interface Allocation {
  readonly productId: ProductId;
  readonly location: Location;
  readonly held: number;
  readonly confirmed: number;
  readonly released: number;
}

/** A hold. Times are epoch milliseconds by Redis's clock; the due time is a full second. */
export interface Reservation {
  readonly reservationId: ReservationId;
  /** null: a standing hold that is the product's own. */
  readonly orderId: OrderId | null;
  readonly customerId: CustomerId | null;
  readonly status: ReservationStatus;
  readonly endReason: EndReason;
  readonly allocations: readonly Allocation[];
  readonly createdAt: number;
  /** null: a standing hold, which is never due. */
  readonly expiresAt: number | null;
  /** seq of its last change. */
  readonly seq: number;
}

export const MOVEMENT_TYPES = [
  "INITIAL",
  "RESTOCK",
  "SALE",
  "RETURN",
  "ADJUSTMENT",
  "RESERVE",
  "RELEASE",
  "EXPIRE",
  "EXTEND",
  "TRANSFER",
  "COUNT",
  "ATTRIBUTE",
  /** Something kept beside stock was written or removed: it moves nothing, and has no product or place. */
  "RECORD",
  /** What changed without a record, and its reversal: a repair writes both. */
  "DRIFT",
  "RECONCILE",
] as const;
export type MovementType = (typeof MOVEMENT_TYPES)[number];

/** Types an administrator may give to adjust. */
export const ADJUSTMENT_TYPES = ["RESTOCK", "RETURN", "SALE", "ADJUSTMENT"] as const;
export type AdjustmentType = (typeof ADJUSTMENT_TYPES)[number];

/** What becomes of units that came back: they are sold again, or written off at once. */
export const DISPOSITIONS = ["restock", "scrap"] as const;
export type Disposition = (typeof DISPOSITIONS)[number];

/** One immutable row of the ledger: what changed, from what to what, why, for whom. */
export interface Movement {
  readonly partition: number;
  readonly seq: number;
  readonly epoch: number;
  readonly type: MovementType;
  /** null: a change of the registry, of that location, or a record; it moves nothing. */
  readonly productId: ProductId | null;
  /** "": of no place, for it is a record that changed. */
  readonly location: Location | "";
  readonly onHandBefore: number;
  readonly onHandAfter: number;
  readonly reservedBefore: number;
  readonly reservedAfter: number;
  readonly reservationId: ReservationId | null;
  readonly orderId: OrderId | null;
  readonly customerId: CustomerId | null;
  readonly actor: string;
  readonly reason: string | null;
  readonly reference: string | null;
  readonly requestId: string | null;
  /** Epoch milliseconds by Redis's clock. */
  readonly at: number;
}

/** Why a movement happened, as its caller says it. Made once by the core; Lua copies it. */
export interface MovementContext {
  /** Who: `<role>:<subject>`, or the part of the service that acted by itself. */
  readonly actor: string;
  readonly reason?: string;
  readonly reference?: string;
  readonly requestId?: string;
  /** Of a movement without a hold; one with a hold has the hold's. */
  readonly orderId?: OrderId;
  readonly customerId?: CustomerId;
}
