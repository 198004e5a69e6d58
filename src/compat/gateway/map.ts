/** Products and locations in contract E's words: inventory items and warehouses. */
import { timeOf } from "#http/wire/objects";
import type { KnownLocation } from "#inventory/location-ports";
import { freeOf, statusOf, totalsOf, type Level, type Product } from "#inventory/model";
import type { NumberedPage } from "#inventory/numbered-page";

/** An item has its product's id; products have no variants. */
export function itemOf(product: Product) {
  const { onHand, reserved, available } = totalsOf(product);
  const updatedAt = timeOf(product.updatedAt);
  return {
    id: product.productId,
    product_id: product.productId,
    variant_id: "",
    sku: product.sku,
    total_quantity: onHand,
    available_quantity: available,
    reserved_quantity: reserved,
    reorder_point: product.reorderPoint,
    reorder_quantity: product.reorderQuantity,
    status: statusOf(available, product.lowStockThreshold).toUpperCase(),
    locations: product.levels.map((level) => shelfOf(product, level)),
    last_updated: updatedAt,
    created_at: timeOf(product.createdAt),
    updated_at: updatedAt,
  };
}

/** An item's stock at one location; what safety stock keeps back is no single location's. */
function shelfOf({ productId }: Product, level: Level) {
  return {
    id: `${productId}:${level.location}`,
    warehouse_id: level.location,
    quantity: level.onHand,
    available_quantity: freeOf(level),
    reserved_quantity: level.reserved,
  };
}

/** The core knows one line of address; one that nobody registered has no times either. */
export function warehouseOf(known: KnownLocation) {
  return {
    id: known.location,
    name: known.name ?? known.location,
    code: known.location,
    address: known.address ?? "",
    city: "",
    state: "",
    country: "",
    postal_code: "",
    is_active: known.active,
    priority: known.priority,
    created_at: known.createdAt === null ? null : timeOf(known.createdAt),
    updated_at: known.updatedAt === null ? null : timeOf(known.updatedAt),
  };
}

export function paginationOf({ page, limit }: NumberedPage, total: number) {
  return { total, page, limit, total_pages: Math.ceil(total / limit) };
}
