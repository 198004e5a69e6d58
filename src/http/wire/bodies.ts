/** Bodies that contract A takes. Unknown fields are refused. */
import { z } from "zod";
import { signRule } from "#inventory/adjust";
import { CampaignId } from "#inventory/campaigns";
import { ON_EXPIRED } from "#inventory/context";
import { CalendarInstant, Minutes, Price, ProductId, Sku } from "#http/wire/fields";
import { RESERVE_MODES } from "#inventory/hold-ports";
import { LIMIT_COUNTS } from "#inventory/limit-ports";
import { LIMIT_HOLDS_MAX, LIMIT_PRODUCTS_MAX, WINDOW_HOURS_MAX } from "#inventory/limits";
import {
  ADJUSTMENT_TYPES,
  type AdjustmentType,
  CART_LINES_MAX,
  CustomerId,
  DISPOSITIONS,
  Location,
  OrderId,
  PRIORITY_MAX,
  Quantity,
  QUANTITY_MAX,
  ReservationId,
  StockCount,
  Reference,
  Text,
} from "#inventory/model";

/** Items of one availability question: a large cart, or a page of a shop. */
export const CHECK_ITEMS_MAX = 500;

/** Items of one bulk call: some ten batches, well within a request's deadline. */
export const BULK_ITEMS_MAX = 500;

const ATTRIBUTES = {
  name: Text.nullable().exactOptional(),
  price: Price.nullable().exactOptional(),
  lowStockThreshold: StockCount.exactOptional(),
  reorderPoint: StockCount.exactOptional(),
  reorderQuantity: StockCount.exactOptional(),
  safetyStock: StockCount.exactOptional(),
  maxPerCustomer: z.int().min(1).max(QUANTITY_MAX).nullable().exactOptional(),
};

export const InitializeBody = z.strictObject({
  productId: ProductId,
  sku: Sku,
  initialStock: StockCount,
  location: Location.exactOptional(),
  ...ATTRIBUTES,
});

export const AmendBody = z
  .strictObject(ATTRIBUTES)
  .refine((changes) => Object.keys(changes).length > 0, "the body must name an attribute");

const ADJUSTMENT = {
  quantity: z
    .int()
    .min(-QUANTITY_MAX)
    .max(QUANTITY_MAX)
    .refine((quantity) => quantity !== 0, "must not be zero"),
  type: z.enum(ADJUSTMENT_TYPES).default("ADJUSTMENT"),
  reference: Reference.optional(),
  reason: Text.optional(),
  location: Location.optional(),
  expectedQuantity: StockCount.optional(),
};

/** The sign that the type demands, told at the field that has the other one. */
function checkSign(body: { type: AdjustmentType; quantity: number }, ctx: z.RefinementCtx): void {
  const message = signRule(body.type, body.quantity);
  if (message !== null) ctx.addIssue({ code: "custom", path: ["quantity"], message });
}

export const AdjustBody = z.strictObject(ADJUSTMENT).superRefine(checkSign);

export const TransferBody = z.strictObject({
  from: Location,
  to: Location,
  quantity: Quantity,
  reason: Text.optional(),
  reference: Reference.optional(),
  expectedQuantity: StockCount.optional(),
});

const LOCATION_ATTRIBUTES = {
  name: Text.nullable().exactOptional(),
  address: Text.nullable().exactOptional(),
  priority: z.int().min(0).max(PRIORITY_MAX).exactOptional(),
  active: z.boolean().exactOptional(),
};

/** Paths cannot name these two: a URL takes them for folders. */
const PathLocation = Location.refine((id) => id !== "." && id !== "..", "must not be . or ..");

export const RegisterLocationBody = z.strictObject({
  location: PathLocation,
  ...LOCATION_ATTRIBUTES,
});

export const AmendLocationBody = z
  .strictObject(LOCATION_ATTRIBUTES)
  .refine((changes) => Object.keys(changes).length > 0, "the body must name an attribute");

export const LimitBody = z
  .strictObject({
    products: z.union(
      [z.literal("all"), z.array(ProductId).min(1).max(LIMIT_PRODUCTS_MAX).readonly()],
      'must be "all", or a list of products',
    ),
    maxUnits: z.int().min(1).max(QUANTITY_MAX),
    windowHours: z.int().min(1).max(WINDOW_HOURS_MAX).nullable().default(null),
    counts: z.enum(LIMIT_COUNTS).default("taken"),
    maxHolds: z.int().min(1).max(LIMIT_HOLDS_MAX).nullable().default(null),
  })
  .refine(({ counts, maxHolds }) => counts === "held" || maxHolds === null, {
    path: ["maxHolds"],
    error: "is of a limit that counts what is held",
  })
  .refine(({ counts, windowHours }) => counts === "taken" || windowHours === null, {
    path: ["windowHours"],
    error: "is of a limit that counts what is taken: what is held ends by itself",
  });

const HOLD = {
  orderId: OrderId,
  expirationMinutes: Minutes.optional(),
  /** For services and admins only: the core refuses them from customers. */
  customerId: CustomerId.optional(),
  standing: z.boolean().optional(),
  mode: z.enum(RESERVE_MODES).optional(),
  dryRun: z.boolean().optional(),
  /** Of whose units alone; where they are and how long it lives, the campaign says. */
  campaign: CampaignId.optional(),
};

export const ReserveBody = z.strictObject({
  quantity: Quantity,
  location: Location.optional(),
  ...HOLD,
});

export const ReserveCartBody = z.strictObject({
  items: z
    .array(
      z.strictObject({ productId: ProductId, quantity: Quantity, location: Location.optional() }),
    )
    .min(1)
    .max(CART_LINES_MAX),
  ...HOLD,
});

export const SellBody = z.strictObject({
  quantity: Quantity,
  orderId: OrderId.optional(),
  customerId: CustomerId.optional(),
  location: Location.optional(),
  reason: Text.optional(),
  reference: Reference.optional(),
  expectedQuantity: StockCount.optional(),
});

export const ReturnBody = z.strictObject({
  orderId: OrderId,
  quantity: Quantity,
  customerId: CustomerId.optional(),
  disposition: z.enum(DISPOSITIONS).default("restock"),
  location: Location.optional(),
  reason: Text.optional(),
  reference: Reference.optional(),
});

export const IncomingBody = z.strictObject({
  productId: ProductId,
  quantity: Quantity,
  expectedAt: CalendarInstant,
  location: Location.optional(),
  reference: Reference.optional(),
});

export const AmendIncomingBody = z
  .strictObject({
    quantity: Quantity.optional(),
    expectedAt: CalendarInstant.optional(),
    reference: Reference.nullable().optional(),
  })
  .refine(
    (changes) => Object.values(changes).some((value) => value !== undefined),
    "the body must name what changes",
  );

/** Without a quantity, all that is still expected. */
export const ReceiveBody = z.strictObject({ quantity: Quantity.optional() });

export const CountItem = z.strictObject({
  productId: ProductId,
  quantity: StockCount,
  countedAt: CalendarInstant,
  location: Location.optional(),
});

/** Without `commit` nothing changes: the answer tells what would. */
export const CountsBody = z.strictObject({
  counts: z.array(CountItem).min(1).max(BULK_ITEMS_MAX),
  commit: z.boolean().default(false),
  reference: Reference.optional(),
});

const LineQuantity = z.strictObject({ productId: ProductId, quantity: Quantity });

/** Of cancel; without lines, all that is held. */
export const EndBody = z.strictObject({
  lines: z.array(LineQuantity).min(1).max(CART_LINES_MAX).optional(),
});

export const ConfirmBody = EndBody.extend({ onExpired: z.enum(ON_EXPIRED).optional() });

export const ExtendBody = z.strictObject({ minutes: Minutes });

/** What is not given stays as it is. */
export const OwnerBody = z
  .strictObject({ customerId: CustomerId.optional(), orderId: OrderId.optional() })
  .refine(
    ({ customerId, orderId }) => customerId !== undefined || orderId !== undefined,
    "the body must name a customer or an order",
  );

export const CheckBody = z.strictObject({
  items: z.array(LineQuantity).min(1).max(CHECK_ITEMS_MAX),
});

const bulkOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({ items: z.array(item).min(1).max(BULK_ITEMS_MAX) });

/** What the path names where a call has one item, each item of a bulk call names itself. */
const AdjustItem = z.strictObject({ productId: ProductId, ...ADJUSTMENT }).superRefine(checkSign);
export type AdjustItem = z.output<typeof AdjustItem>;
const EndItem = EndBody.extend({ reservationId: ReservationId });
export type EndItem = z.output<typeof EndItem>;
const ConfirmItem = ConfirmBody.extend({ reservationId: ReservationId });
export type ConfirmItem = z.output<typeof ConfirmItem>;

export const BulkInitializeBody = bulkOf(InitializeBody);
export const BulkAdjustBody = bulkOf(AdjustItem);
export const BulkConfirmBody = bulkOf(ConfirmItem);
export const BulkCancelBody = bulkOf(EndItem);

export const EmptyBody = z.strictObject({});
