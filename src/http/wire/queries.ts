/** Queries that contract A takes. Unknown ones are refused: a misspelt filter must not show all. */
import { z } from "zod";
import { Cursor, queryNumber } from "#http/wire/fields";
import {
  CustomerId,
  Location,
  OrderId,
  RESERVATION_STATUSES,
  STOCK_STATUSES,
  Text,
} from "#inventory/model";

const PAGE_ROWS = 50;
const PAGE_ROWS_MAX = 200;
const MOVEMENTS = 50;
const MOVEMENTS_MAX = 500;
const LOW_STOCK = 100;
const LOW_STOCK_MAX = 1000;

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

export const LowStockQuery = z.strictObject({
  limit: queryNumber(1, LOW_STOCK_MAX).default(LOW_STOCK),
});
