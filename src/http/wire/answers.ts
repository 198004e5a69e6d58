/** Bodies that contract A answers with: what the document says, and what its clients are typed by. */
import { z } from "zod";
import { Time, Units } from "#http/wire/answer-fields";
import { CampaignRecord } from "#http/wire/campaign-answers";
import { Incoming, IncomingChanged } from "#http/wire/incoming-answers";
import { Limit, LimitTold } from "#http/wire/limit-answers";
import { PROBLEM_CODES } from "#http/problem";
import { ALERT_KINDS, EVENT_TYPES } from "#inventory/event-ports";
import {
  DISPOSITIONS,
  MOVEMENT_TYPES,
  PRIORITY_MAX,
  RESERVATION_ID_PATTERN,
  RESERVATION_STATUSES,
  STOCK_STATUSES,
} from "#inventory/model";

const Priority = z.int().min(0).max(PRIORITY_MAX);
const ReservationId = z.string().regex(RESERVATION_ID_PATTERN);

export const Inventory = z
  .strictObject({
    productId: z.string(),
    sku: z.string(),
    name: z.string().nullable(),
    price: z.number().min(0).nullable(),
    availableStock: Units,
    reservedStock: Units,
    totalStock: Units,
    safetyStock: Units,
    location: z.string(),
    locations: z.array(
      z.strictObject({
        location: z.string(),
        onHand: Units,
        reserved: Units,
        active: z.boolean(),
        priority: Priority,
        campaign: z.string().exactOptional(),
      }),
    ),
    lowStockThreshold: Units,
    reorderPoint: Units,
    reorderQuantity: Units,
    maxPerCustomer: z.int().min(1).nullable(),
    status: z.enum(STOCK_STATUSES),
    lastRestocked: Time.nullable(),
    createdAt: Time,
    updatedAt: Time,
    version: z.int().min(0),
  })
  .meta({ id: "Inventory" });
export type Inventory = z.output<typeof Inventory>;

export const RegisteredLocation = z
  .strictObject({
    location: z.string(),
    name: z.string().nullable(),
    address: z.string().nullable(),
    priority: Priority,
    active: z.boolean(),
    createdAt: Time,
    updatedAt: Time,
    version: z.int().min(0),
  })
  .meta({ id: "Location" });
export type RegisteredLocation = z.output<typeof RegisteredLocation>;

export const Reservation = z
  .strictObject({
    reservationId: ReservationId,
    orderId: z.string().nullable(),
    customerId: z.string().nullable(),
    productId: z.string().nullable(),
    quantity: Units,
    lines: z.array(
      z.strictObject({
        productId: z.string(),
        quantity: Units,
        confirmed: Units,
        cancelled: Units,
        allocations: z.array(z.strictObject({ location: z.string(), quantity: Units })),
      }),
    ),
    status: z.enum(RESERVATION_STATUSES),
    createdAt: Time,
    expiresAt: Time.nullable(),
  })
  .meta({ id: "Reservation" });
export type Reservation = z.output<typeof Reservation>;

const Counts = z.strictObject({ totalStock: Units, reservedStock: Units });

export const Movement = z
  .strictObject({
    movementId: z.string(),
    productId: z.string().nullable(),
    location: z.string().nullable(),
    type: z.enum(MOVEMENT_TYPES),
    quantity: z.int(),
    before: Counts,
    after: Counts,
    reservationId: ReservationId.nullable(),
    orderId: z.string().nullable(),
    reference: z.string().nullable(),
    reason: z.string().nullable(),
    actor: z.string(),
    timestamp: Time,
  })
  .meta({ id: "Movement" });
export type Movement = z.output<typeof Movement>;

const Delta = z.strictObject({ totalStock: z.int(), reservedStock: z.int() });

/** A movement with all that the ledger says of it. */
export const LedgerMovement = Movement.extend({
  delta: Delta,
  customerId: z.string().nullable(),
  requestId: z.string().nullable(),
  partition: z.int().min(0),
  seq: z.int().min(1),
  epoch: z.int().min(0),
}).meta({ id: "LedgerMovement" });
export type LedgerMovement = z.output<typeof LedgerMovement>;

/** A product's stock at an instant. */
export const InventoryAt = z
  .strictObject({
    productId: z.string(),
    asOf: Time,
    totalStock: Units,
    reservedStock: Units,
    availableStock: Units.nullable(),
    locations: z.array(z.strictObject({ location: z.string(), onHand: Units, reserved: Units })),
    version: z.int().min(0).nullable(),
  })
  .meta({ id: "InventoryAt" });
export type InventoryAt = z.output<typeof InventoryAt>;

export const ShortLine = z
  .strictObject({
    productId: z.string(),
    requested: Units,
    available: Units,
    largestQuantity: Units,
    locations: z.array(z.strictObject({ location: z.string(), available: Units })).readonly(),
    nextHoldEndsAt: Time.nullable(),
    limit: LimitTold.exactOptional(),
    waiting: Units.exactOptional(),
  })
  .meta({ id: "ShortLine" });
export type ShortLine = z.output<typeof ShortLine>;

export const Changed = z.strictObject({ message: z.string(), inventory: Inventory });

export const Sold = Changed.extend({
  sold: z.strictObject({
    productId: z.string(),
    quantity: Units,
    orderId: z.string().nullable(),
    customerId: z.string().nullable(),
    allocations: z.array(z.strictObject({ location: z.string(), quantity: Units })),
  }),
});

const ReturnSums = { sold: Units, returned: Units, returnable: Units };

export const Returned = Changed.extend({
  returned: z.strictObject({
    productId: z.string(),
    orderId: z.string(),
    quantity: Units,
    disposition: z.enum(DISPOSITIONS),
    ...ReturnSums,
  }),
});

export const Reserved = z.strictObject({
  message: z.string(),
  reservation: Reservation,
  /** What a best effort could not give. */
  shortages: z.array(ShortLine).exactOptional(),
});

/** What a dry run found. */
export const Reservable = z.strictObject({
  message: z.string(),
  dryRun: z.literal(true),
  lines: z.array(z.strictObject({ productId: z.string(), quantity: Units })),
  shortages: z.array(ShortLine).exactOptional(),
});

export const Ended = z.strictObject({ message: z.string(), reservation: Reservation });

const NextCursor = z.string().nullable();
export const Products = z.strictObject({ items: z.array(Inventory), nextCursor: NextCursor });
export const Reservations = z.strictObject({ items: z.array(Reservation), nextCursor: NextCursor });
export const LowStock = z.strictObject({ items: z.array(Inventory), count: Units });
export const InventoryExpecting = Inventory.extend({ incoming: z.array(Incoming) });
export const Received = IncomingChanged.extend({
  received: z.strictObject({ receipt: z.int().min(1), quantity: Units }),
  inventory: Inventory,
});

export const Movements = z.strictObject({ movements: z.array(Movement) });
export const AllMovements = z.strictObject({
  items: z.array(LedgerMovement),
  nextCursor: NextCursor,
});
export const MovementLines = z.string().meta({ contentMediaType: "application/x-ndjson" });
export const MovementTable = z.string().meta({ contentMediaType: "text/csv" });
export const Locations = z.strictObject({ locations: z.array(RegisteredLocation) });

export const Event = z
  .strictObject({
    eventId: z.string(),
    type: z.enum(EVENT_TYPES),
    partition: z.int().min(0),
    /** Of the movement that it tells, or that it follows. */
    seq: z.int().min(0),
    productId: z.string().nullable(),
    /** Of an alert about stock, what is available; of others, what is off. */
    units: z.int().nullable(),
    detail: z.string().nullable(),
    movement: Movement.nullable(),
    timestamp: Time,
  })
  .meta({ id: "Event" });
export type Event = z.output<typeof Event>;
export const Events = z.strictObject({ events: z.array(Event), cursor: z.string() });

export const Alert = z
  .strictObject({
    alertId: z.string(),
    kind: z.enum(ALERT_KINDS),
    partition: z.int().min(0),
    seq: z.int().min(0),
    productId: z.string().nullable(),
    units: z.int().nullable(),
    detail: z.string().nullable(),
    open: z.boolean(),
    timestamp: Time,
  })
  .meta({ id: "Alert" });
export type Alert = z.output<typeof Alert>;
export const Alerts = z.strictObject({
  alerts: z.array(Alert),
  nextCursor: z.string().nullable(),
});

export const Availability = z.strictObject({
  availability: z.array(
    z.strictObject({
      productId: z.string(),
      requestedQuantity: Units,
      available: z.boolean(),
      availableStock: Units,
    }),
  ),
  allAvailable: z.boolean(),
});

export const PseudonymizationAsked = z.strictObject({ id: z.string() });

/** Whose it was, and by what the id is replaced, is not told. */
export const Pseudonymization = z.strictObject({
  id: z.string(),
  status: z.enum(["running", "completed"]),
  progress: z.int().min(0).max(100),
  movements: Units,
  reservations: Units,
  askedAt: Time,
  finishedAt: Time.nullable(),
});
export type Pseudonymization = z.output<typeof Pseudonymization>;

export const Cleaned = z.strictObject({ message: z.string(), cleaned: Units, more: z.boolean() });

export const Alive = z.strictObject({
  status: z.literal("healthy"),
  service: z.literal("inventory-service"),
  timestamp: Time,
});

export const Ready = z.strictObject({
  status: z.enum(["healthy", "degraded", "unavailable"]),
  service: z.literal("inventory-service"),
  timestamp: Time,
  reasons: z.array(z.string()).readonly(),
});

/** Every refusal; the last members come with some codes only. */
export const ProblemBody = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    code: z.enum(PROBLEM_CODES),
    message: z.string(),
    error: z.string(),
    requestId: z.string(),
    retryable: z.boolean(),
    errors: z
      .array(z.strictObject({ path: z.string(), message: z.string() }))
      .readonly()
      .exactOptional(),
    lines: z.array(ShortLine).exactOptional(),
    inventory: Inventory.nullable().exactOptional(),
    reservation: Reservation.exactOptional(),
    extensions: Units.exactOptional(),
    incoming: Incoming.exactOptional(),
    registered: RegisteredLocation.exactOptional(),
    current: Limit.exactOptional(),
    location: z.string().nullable().exactOptional(),
    totalStock: Units.exactOptional(),
    reservedStock: Units.exactOptional(),
    sold: Units.exactOptional(),
    returned: Units.exactOptional(),
    returnable: Units.exactOptional(),
    productId: z.string().exactOptional(),
    requested: Units.exactOptional(),
    held: Units.exactOptional(),
    field: z.string().exactOptional(),
    limit: Units.exactOptional(),
    campaign: CampaignRecord.exactOptional(),
    startsAt: Time.exactOptional(),
    endsAt: Time.exactOptional(),
    stopped: z.boolean().exactOptional(),
  })
  .meta({ id: "ProblemBody" });
export type ProblemBody = z.output<typeof ProblemBody>;

const ITEM = { index: Units, replayed: z.literal(true).exactOptional() };

/** Each item's answer is that of its own call, in the order of the request. */
export const bulkOf = <Shape extends z.ZodRawShape>(done: z.ZodObject<Shape, z.core.$strict>) =>
  z.strictObject({
    results: z.array(
      z.union([
        z.strictObject({ ...done.shape, ...ITEM, status: z.int().min(200).max(299) }),
        z.strictObject({ ...ProblemBody.shape, ...ITEM }),
      ]),
    ),
    succeeded: Units,
    failed: Units,
  });

export const BulkChanged = bulkOf(Changed);
export const BulkEnded = bulkOf(Ended);
