/** Products and locations in contract E's words: inventory items and warehouses. */
import { timeOf } from "#http/wire/objects";
import type { KnownLocation } from "#inventory/location-ports";
import { FENCE_SIGN, freeOf, statusOf, totalsOf, type Level, type Product } from "#inventory/model";
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
    locations: shelvesOf(product),
    last_updated: updatedAt,
    created_at: timeOf(product.createdAt),
    updated_at: updatedAt,
  };
}

/**
 * An item's stock by warehouse; what safety stock keeps back is no single one's. What stands aside for a
 * campaign is at its warehouse, and not available.
 */
function shelvesOf({ productId, levels }: Product) {
  const byWarehouse = Map.groupBy(levels, ({ location }) => placeOf(location));
  return Array.from(byWarehouse, ([warehouse, own]) => ({
    id: `${productId}:${warehouse}`,
    warehouse_id: warehouse,
    quantity: sumOf(own, ({ onHand }) => onHand),
    available_quantity: sumOf(own, freeOf),
    reserved_quantity: sumOf(own, ({ reserved }) => reserved),
  }));
}

const placeOf = (location: string): string => location.split(FENCE_SIGN, 1)[0] ?? location;

const sumOf = (levels: readonly Level[], unitsOf: (level: Level) => number): number =>
  levels.reduce((sum, level) => sum + unitsOf(level), 0);

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
