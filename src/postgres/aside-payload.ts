/** What a movement that was set aside carries: the batch that PostgreSQL refused, read again. */
import { z } from "zod";
import { RECORD_KINDS } from "#inventory/drain-ports";
import { STOCK_ALERTS } from "#inventory/event-ports";
import {
  CustomerId,
  END_REASONS,
  Location,
  Place,
  OrderId,
  ProductId,
  RESERVATION_STATUSES,
  ReservationId,
  Sku,
} from "#inventory/model";
import type { BatchRows } from "#postgres/batch-columns";
import { AllocationJson, MovementRow } from "#postgres/rows";

const rule = { active: z.boolean(), priority: z.int() };
const named = { name: z.string().nullable(), address: z.string().nullable() };
const times = { createdAt: z.int(), updatedAt: z.int() };

const ReservationJson = z.object({
  reservationId: ReservationId,
  orderId: OrderId.nullable(),
  customerId: CustomerId.nullable(),
  status: z.enum(RESERVATION_STATUSES),
  endReason: z.enum(END_REASONS),
  allocations: z.array(AllocationJson),
  createdAt: z.int(),
  expiresAt: z.int().nullable(),
  seq: z.int(),
});
const ProductJson = z.object({
  productId: ProductId,
  sku: Sku,
  name: z.string().nullable(),
  price: z.number().nullable(),
  lowStockThreshold: z.int(),
  reorderPoint: z.int(),
  reorderQuantity: z.int(),
  safetyStock: z.int(),
  maxPerCustomer: z.int().nullable(),
  home: Location,
  levels: z.array(z.object({ location: Place, onHand: z.int(), reserved: z.int(), ...rule })),
  ...times,
  lastRestocked: z.int().nullable(),
  /** None in what an earlier version wrote. */
  limitSince: z.int().nullable().default(null),
  seq: z.int(),
});
const LocationJson = z.object({
  location: Location,
  ...named,
  ...rule,
  ...times,
  version: z.int(),
  seq: z.int(),
});
const CrossingJson = z.object({
  seq: z.int(),
  kind: z.enum(STOCK_ALERTS),
  productId: ProductId,
  units: z.int(),
  at: z.int(),
});
const RecordJson = z.object({
  kind: z.enum(RECORD_KINDS),
  id: z.string(),
  text: z.string().nullable(),
  seq: z.int(),
});
const OperationJson = z.object({ key: z.string(), text: z.string(), seq: z.int() });

const Payload = z
  .object({
    movement: MovementRow,
    reservations: z.array(ReservationJson),
    products: z.array(ProductJson),
    locations: z.array(LocationJson),
    /** Of a row that an earlier version wrote. */
    operations: z.array(OperationJson).default([]),
    crossings: z.array(CrossingJson),
    /** None in what an earlier version wrote. */
    records: z.array(RecordJson).default([]),
  })
  .transform(({ movement, ...states }) => ({
    movements: [movement],
    ...states,
  })) satisfies z.ZodType<BatchRows>;

/** Of a payload and the operations beside it (null: none). null: it is not what a drain sets aside. */
export function readAsidePayload(
  payload: string,
  operations: string | null,
): z.output<typeof Payload> | null {
  try {
    const rows = Payload.parse(JSON.parse(payload));
    if (operations === null) return rows;
    return { ...rows, operations: z.array(OperationJson).parse(JSON.parse(operations)) };
  } catch {
    return null;
  }
}
