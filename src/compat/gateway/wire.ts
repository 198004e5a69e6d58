/** What contract E takes: queries alone. Those it does not know are refused. */
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
