/** What contract E takes and answers: queries alone. Those it does not know are refused. */
import { z } from "zod";
import { queryNumber } from "#http/wire/fields";
import { Location, ProductId, QUANTITY_MAX, type StockStatus } from "#inventory/model";

const PAGE_ROWS = 10;
const PAGE_ROWS_MAX = 100;
/** Any page that a number can name; how far a list can be turned, the core says. */
const PAGE_MAX = 999_999_999_999_999;

/** What it calls a status, and the core; null: one that no item of ours has. */
export const STATUSES = {
  IN_STOCK: "in_stock",
  LOW_STOCK: "low_stock",
  OUT_OF_STOCK: "out_of_stock",
  DISCONTINUED: null,
  BACKORDERED: null,
} as const satisfies Readonly<Record<string, StockStatus | null>>;

const Flag = z.enum(["true", "false"]).transform((text) => text === "true");

const page = {
  page: queryNumber(1, PAGE_MAX).default(1),
  limit: queryNumber(1, PAGE_ROWS_MAX).default(PAGE_ROWS),
};

export const ProductParam = z.object({ product_id: ProductId });

export const NoQuery = z.strictObject({});

/** Its product may be any text: what cannot be an id is of no product. */
export const CheckQuery = z.strictObject({
  product_id: z.string().min(1),
  quantity: queryNumber(1, QUANTITY_MAX),
});

export const ItemsQuery = z.strictObject({
  ...page,
  status: z
    .enum(["IN_STOCK", "LOW_STOCK", "OUT_OF_STOCK", "DISCONTINUED", "BACKORDERED"])
    .optional(),
  warehouse_id: Location.optional(),
  low_stock_only: Flag.default(false),
});

export const WarehousesQuery = z.strictObject({ ...page, is_active: Flag.optional() });

const Units = z.int().min(0);
const Time = z.iso.datetime({ precision: 3 });

export const CheckAnswer = z.strictObject({
  product_id: z.string(),
  quantity: Units,
  available: z.boolean(),
});

export const ItemAnswer = z
  .strictObject({
    id: z.string(),
    product_id: z.string(),
    variant_id: z.literal(""),
    sku: z.string(),
    total_quantity: Units,
    available_quantity: Units,
    reserved_quantity: Units,
    reorder_point: Units,
    reorder_quantity: Units,
    status: z.enum(["IN_STOCK", "LOW_STOCK", "OUT_OF_STOCK"]),
    locations: z.array(
      z.strictObject({
        id: z.string(),
        warehouse_id: z.string(),
        quantity: Units,
        available_quantity: Units,
        reserved_quantity: Units,
      }),
    ),
    last_updated: Time,
    created_at: Time,
    updated_at: Time,
  })
  .meta({ id: "GatewayItem" });

const WarehouseAnswer = z.strictObject({
  id: z.string(),
  name: z.string(),
  code: z.string(),
  address: z.string(),
  city: z.string(),
  state: z.string(),
  country: z.string(),
  postal_code: z.string(),
  is_active: z.boolean(),
  priority: Units,
  created_at: Time.nullable(),
  updated_at: Time.nullable(),
});

const Pagination = z.strictObject({ total: Units, page: Units, limit: Units, total_pages: Units });

export const ItemsAnswer = z.strictObject({ items: z.array(ItemAnswer), pagination: Pagination });

export const WarehousesAnswer = z.strictObject({
  warehouses: z.array(WarehouseAnswer),
  pagination: Pagination,
});

/** Of every refusal. */
export const ErrorBody = z.strictObject({ error: z.string() }).meta({ id: "GatewayError" });
