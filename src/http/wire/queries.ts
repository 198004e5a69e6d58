/** Queries that contract A takes. Unknown ones are refused: a misspelt filter must not show all. */
import { z } from "zod";
import {
  Cursor,
  Instant,
  numberOr,
  pageLimit,
  PartitionNumber,
  ProductId,
} from "#http/wire/fields";
import { INCOMING_STATUSES } from "#inventory/incoming-ports";
import { ALERT_KINDS, EVENT_TYPES } from "#inventory/event-ports";
import { EVENT_WAIT_SECONDS_MAX } from "#inventory/follow-events";
import { MOVEMENT_ORDERS } from "#inventory/ledger-ports";
import {
  CustomerId,
  Location,
  MOVEMENT_TYPES,
  OrderId,
  Place,
  Reference,
  RESERVATION_STATUSES,
  ReservationId,
  STOCK_STATUSES,
  Text,
} from "#inventory/model";

const PAGE_ROWS = 50;
const PAGE_ROWS_MAX = 200;
const MOVEMENTS = 50;
const MOVEMENTS_MAX = 500;
const LOW_STOCK = 100;
const LOW_STOCK_MAX = 1000;
const EVENTS = 100;
const EVENTS_MAX = 1000;
const HOLDS_MINIMUM_MAX = 1_000_000;
const ALERTS = 100;
const ALERTS_MAX = 1000;
/** All of them named twice. */
const EVENT_TYPES_LENGTH_MAX = 256;
/** A place for each of the most partitions that a store may have. */
const EVENT_CURSOR_LENGTH_MAX = 16_384;

const page = { cursor: Cursor.optional(), limit: pageLimit(PAGE_ROWS, PAGE_ROWS_MAX) };
const ofProduct = ProductId.optional().describe("Of that product.");

export const ProductsQuery = z.strictObject({
  q: Text.optional().describe("A part of the id, the SKU or the name."),
  status: z.enum(STOCK_STATUSES).optional().describe("Whose stock is as the word says."),
  location: Location.optional().describe("That have stock, if none now, at that location."),
  ...page,
});

export const ReservationsQuery = z.strictObject({
  orderId: OrderId.optional().describe("Of that order."),
  customerId: CustomerId.optional().describe("Of that customer; a customer sees its own alone."),
  status: z.enum(RESERVATION_STATUSES).optional().describe("Whose status is that word."),
  ...page,
});

export const MovementsQuery = z.strictObject({
  limit: numberOr(MOVEMENTS, 1, MOVEMENTS_MAX, "Most movements, the newest."),
});

/** One type, several between commas, or the parameter several times. */
const MovementTypes = z
  .union([z.enum(MOVEMENT_TYPES), z.string(), z.array(z.string())], "must be one or more types")
  .meta({ anyOf: undefined, type: "array", items: { type: "string", enum: MOVEMENT_TYPES } })
  .transform((given) => [...new Set([given].flat().flatMap((part) => part.split(",")))])
  .pipe(z.array(z.enum(MOVEMENT_TYPES)));

const movementFilters = {
  productId: ofProduct,
  location: Place.optional().describe("At that location, or at a campaign's ring-fence there."),
  type: MovementTypes.optional().describe("Of these types: several times, or between commas."),
  orderId: OrderId.optional().describe("Of that order, its holds included."),
  customerId: CustomerId.optional().describe("Of that customer."),
  reservationId: ReservationId.optional().describe("Of that hold."),
  actor: Text.optional().describe("Who did it, as `admin:alice`."),
  reference: Reference.optional().describe("With that very reference."),
  requestId: Text.optional().describe(
    "Of that request: also of all items of a bulk call, whose movements have `#` and a number behind.",
  ),
  partition: PartitionNumber,
  from: Instant.optional().describe("From that time on."),
  to: Instant.optional().describe("Before that time."),
};

export const AllMovementsQuery = z.strictObject({
  ...movementFilters,
  order: z.enum(MOVEMENT_ORDERS).default("newest").describe("By time: newest or oldest first."),
  cursor: Cursor.optional(),
  limit: pageLimit(MOVEMENTS, MOVEMENTS_MAX),
});

export const MovementsExportQuery = z.strictObject({
  ...movementFilters,
  format: z.enum(["ndjson", "csv"]).default("ndjson").describe("Of the stream."),
});

export const CustomerHoldsQuery = z.strictObject({
  since: Instant.optional().describe(
    "Holds that were made since then; a day, where it is not given.",
  ),
  minimum: numberOr(1, 1, HOLDS_MINIMUM_MAX, "Of customers who made so many holds at least."),
  ...page,
});

export const ReorderQuery = z.strictObject(page);

export const IncomingQuery = z.strictObject({
  productId: ofProduct,
  status: z.enum(INCOMING_STATUSES).optional().describe("Whose status is that word."),
  ...page,
});

export const ProductQuery = z.strictObject({
  asOf: Instant.optional().describe("What its stock was at that time, from the ledger."),
  include: z.enum(["incoming"]).optional().describe("What is expected, beside the stock."),
});

export const LowStockQuery = z.strictObject({
  limit: numberOr(LOW_STOCK, 1, LOW_STOCK_MAX, "Most products, the lowest."),
});

const EventType = z.enum(EVENT_TYPES);

/** A place in the feed, in its own words. */
export const EventCursor = z
  .string()
  .regex(/^[0-9a-z._]+$/, "must be a cursor that this feed answered, or latest")
  .max(EVENT_CURSOR_LENGTH_MAX);

export const EventsQuery = z.strictObject({
  after: EventCursor.optional().describe(
    "What the feed answered as `cursor`; `latest`: from now on; else from the first.",
  ),
  wait: numberOr(0, 0, EVENT_WAIT_SECONDS_MAX, "Seconds to wait for an event if there is none."),
  types: z
    .string()
    .max(EVENT_TYPES_LENGTH_MAX)
    .transform((text) => text.split(","))
    .pipe(z.array(EventType))
    .optional()
    .describe(`Only these, between commas: ${EVENT_TYPES.join(", ")}.`),
  productId: ProductId.optional().describe("Only what is about that product."),
  limit: pageLimit(EVENTS, EVENTS_MAX),
});

export const AlertsQuery = z.strictObject({
  kind: z.enum(ALERT_KINDS).optional().describe("Of that kind."),
  productId: ofProduct,
  open: z
    .enum(["true", "false"])
    .transform((text) => text === "true")
    .optional()
    .describe("Whether what it tells of still holds."),
  cursor: Cursor.optional(),
  limit: pageLimit(ALERTS, ALERTS_MAX),
});
