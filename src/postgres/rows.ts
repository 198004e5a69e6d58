/** Rows of the ledger as they come from PostgreSQL, read before anybody believes them. */
import { z } from "zod";
import { CampaignId } from "#inventory/campaigns";
import {
  CustomerId,
  END_REASONS,
  Location,
  MOVEMENT_TYPES,
  OrderId,
  Place,
  ProductId,
  RESERVATION_STATUSES,
  ReservationId,
  StockCount,
  type Reservation,
} from "#inventory/model";
import { reservationIdOf } from "#inventory/reservation-id";

export const ProductIdRow = z.object({ productId: ProductId });

export const ReorderRow = z.object({
  productId: ProductId,
  incoming: z.int().min(0),
  nextExpectedAt: z.int().nullable(),
});

const Total = z.int().min(0);

export const RecentProductsRow = z.object({ total: Total, items: z.array(ProductId) });

export const KnownLocationsRow = z.object({
  total: Total,
  items: z.array(
    z.object({
      location: Location,
      name: z.string().nullable(),
      address: z.string().nullable(),
      priority: z.int(),
      active: z.boolean(),
      createdAt: z.int().nullable(),
      updatedAt: z.int().nullable(),
    }),
  ),
});

/** `unsure`: a return of that product is in quarantine, where no sum has it. */
export const CustomerHoldsRow = z.object({
  customerId: CustomerId,
  holds: z.int(),
  live: z.int(),
  expiredHolds: z.int(),
  units: z.int(),
  expiredUnits: z.int(),
  soldUnits: z.int(),
});

export const OrderSalesRow = z.object({
  seq: z.int().min(0),
  sold: z.int().min(0),
  returned: z.int().min(0),
  buyer: CustomerId.nullable(),
  steps: z.array(z.tuple([z.int().nullable(), z.int(), CampaignId.nullable()])),
  unsure: z.boolean(),
});

export const MovementRow = z.object({
  partition: z.int(),
  seq: z.int(),
  epoch: z.int(),
  type: z.enum(MOVEMENT_TYPES),
  productId: ProductId.nullable(),
  /** "": a RECORD, which is of no place. */
  location: Place.or(z.literal("")),
  onHandBefore: StockCount,
  onHandAfter: StockCount,
  reservedBefore: StockCount,
  reservedAfter: StockCount,
  reservationId: ReservationId.nullable(),
  orderId: OrderId.nullable(),
  customerId: CustomerId.nullable(),
  actor: z.string(),
  reason: z.string().nullable(),
  reference: z.string().nullable(),
  requestId: z.string().nullable(),
  at: z.int(),
});

export const MovementSpanRow = z.object({
  partition: z.int(),
  first: z.int(),
  last: z.int(),
  edge: z.int().nullable(),
});

export const PutAwayRow = z.object({ putAwayUntil: z.int().nullable() });

export const StockAtRow = z.object({
  kept: z.boolean(),
  unsure: z.boolean(),
  amended: z.boolean(),
  known: z.boolean(),
  levels: z.array(
    z.object({
      location: Place,
      onHand: StockCount,
      reserved: StockCount,
      seq: z.int().nullable(),
    }),
  ),
});

export const AllocationJson = z.object({
  productId: ProductId,
  location: Place,
  held: z.int(),
  confirmed: z.int(),
  released: z.int(),
});

export const ReservationRow = z.object({
  partition: z.int(),
  /** A uuid; ids have it without hyphens. */
  owner: z.string().transform((uuid) => uuid.replaceAll("-", "")),
  generation: z.string(),
  orderId: OrderId.nullable(),
  customerId: CustomerId.nullable(),
  status: z.enum(RESERVATION_STATUSES),
  endReason: z.enum(END_REASONS),
  allocations: z.array(AllocationJson),
  createdAt: z.int(),
  expiresAt: z.int().nullable(),
  seq: z.int(),
});

export function reservationOf(row: z.infer<typeof ReservationRow>): Reservation {
  const { partition, owner, generation, ...rest } = row;
  return { reservationId: reservationIdOf(partition, owner, generation), ...rest };
}
