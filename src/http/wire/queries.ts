/** Queries that contract A takes. Unknown ones are refused: a misspelt filter must not show all. */
import { z } from "zod";
import { Cursor, Instant, PartitionNumber, ProductId, queryNumber } from "#http/wire/fields";
import { INCOMING_STATUSES } from "#inventory/incoming-ports";
import { ALERT_KINDS, EVENT_TYPES } from "#inventory/event-ports";
import { EVENT_WAIT_SECONDS_MAX } from "#inventory/follow-events";
import { MOVEMENT_ORDERS } from "#inventory/ledger-ports";
import {
  CustomerId,
  Location,
  MOVEMENT_TYPES,
  OrderId,
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
const ALERTS = 100;
const ALERTS_MAX = 1000;
/** All of them named twice. */
const EVENT_TYPES_LENGTH_MAX = 256;
/** A place for each of the most partitions that a store may have. */
const EVENT_CURSOR_LENGTH_MAX = 16_384;

const page = {
  cursor: Cursor.optional(),
  limit: queryNumber(1, PAGE_ROWS_MAX).default(PAGE_ROWS),
};

export const ProductsQuery = z.strictObject({
  q: Text.optional(),
  status: z.enum(STOCK_STATUSES).optional(),
  location: Location.optional(),
  ...page,
});

export const ReservationsQuery = z.strictObject({
  orderId: OrderId.optional(),
  customerId: CustomerId.optional(),
  status: z.enum(RESERVATION_STATUSES).optional(),
  ...page,
});

export const MovementsQuery = z.strictObject({
  limit: queryNumber(1, MOVEMENTS_MAX).default(MOVEMENTS),
});

/** One type, several between commas, or the parameter several times. */
const MovementTypes = z
  .union([z.enum(MOVEMENT_TYPES), z.string(), z.array(z.string())], "must be one or more types")
  .transform((given) => [...new Set([given].flat().flatMap((part) => part.split(",")))])
  .pipe(z.array(z.enum(MOVEMENT_TYPES)));

const movementFilters = {
  productId: ProductId.optional(),
  location: Location.optional(),
  type: MovementTypes.optional(),
  orderId: OrderId.optional(),
  customerId: CustomerId.optional(),
  reservationId: ReservationId.optional(),
  actor: Text.optional(),
  reference: Reference.optional(),
  requestId: Text.optional(),
  partition: PartitionNumber,
  from: Instant.optional(),
  to: Instant.optional(),
};

export const AllMovementsQuery = z.strictObject({
  ...movementFilters,
  order: z.enum(MOVEMENT_ORDERS).default("newest"),
  cursor: Cursor.optional(),
  limit: queryNumber(1, MOVEMENTS_MAX).default(MOVEMENTS),
});

export const MovementsExportQuery = z.strictObject({
  ...movementFilters,
  format: z.enum(["ndjson", "csv"]).default("ndjson"),
});

export const ReorderQuery = z.strictObject(page);

export const IncomingQuery = z.strictObject({
  productId: ProductId.optional(),
  status: z.enum(INCOMING_STATUSES).optional(),
  ...page,
});

export const ProductQuery = z.strictObject({
  asOf: Instant.optional(),
  include: z.enum(["incoming"]).optional(),
});

export const LowStockQuery = z.strictObject({
  limit: queryNumber(1, LOW_STOCK_MAX).default(LOW_STOCK),
});

const EventType = z.enum(EVENT_TYPES);

export const EventsQuery = z.strictObject({
  /** What the feed answered as `cursor`; `latest`: from now on. */
  after: z
    .string()
    .regex(/^[0-9a-z._]+$/, "must be a cursor that this feed answered, or latest")
    .max(EVENT_CURSOR_LENGTH_MAX)
    .optional(),
  /** Seconds. */
  wait: queryNumber(0, EVENT_WAIT_SECONDS_MAX).default(0),
  /** Separated by commas. */
  types: z
    .string()
    .max(EVENT_TYPES_LENGTH_MAX)
    .transform((text) => text.split(","))
    .pipe(z.array(EventType))
    .optional(),
  limit: queryNumber(1, EVENTS_MAX).default(EVENTS),
});

export const AlertsQuery = z.strictObject({
  kind: z.enum(ALERT_KINDS).optional(),
  productId: ProductId.optional(),
  open: z
    .enum(["true", "false"])
    .transform((text) => text === "true")
    .optional(),
  cursor: Cursor.optional(),
  limit: queryNumber(1, ALERTS_MAX).default(ALERTS),
});
