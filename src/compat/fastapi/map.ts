/** Products in contract B's words. Its `quantity` is what can be sold. */
import type {
  ProductAnswer,
  ReplenishedAnswer,
  ReservedAnswer,
  StatusAnswer,
} from "#compat/fastapi/wire";
import { timeOf } from "#http/wire/objects";
import { totalsOf, type Product } from "#inventory/model";

/** Below this many units it says `low_stock`, whatever the product's own threshold is. */
const LOW_STOCK_BELOW = 10;

export const quantityOf = (product: Product): number => totalsOf(product).available;

/** Products that were made elsewhere may lack a name and a price: these never are null here. */
export function productOf(product: Product): ProductAnswer {
  return {
    product_id: product.productId,
    name: nameOf(product),
    quantity: quantityOf(product),
    price: product.price ?? 0,
  };
}

export function statusOf(product: Product, now: number): StatusAnswer {
  const quantity = quantityOf(product);
  const status =
    quantity === 0 ? "out_of_stock" : quantity < LOW_STOCK_BELOW ? "low_stock" : "in_stock";
  return {
    product_id: product.productId,
    name: nameOf(product),
    quantity,
    status,
    timestamp: timeOf(now),
  };
}

/** After a sale of so many units. */
export function reservedOf(product: Product, units: number): ReservedAnswer {
  const remaining = quantityOf(product);
  return {
    product_id: product.productId,
    name: nameOf(product),
    previous_quantity: remaining + units,
    reserved_quantity: units,
    remaining_quantity: remaining,
    timestamp: timeOf(product.updatedAt),
  };
}

/** After so many units came to its home, which need not be where stock can be sold. */
export function replenishedOf(product: Product, units: number): ReplenishedAnswer {
  const quantity = quantityOf(product);
  const levels = product.levels.map((level) =>
    level.location === product.home ? { ...level, onHand: level.onHand - units } : level,
  );
  return {
    product_id: product.productId,
    name: nameOf(product),
    previous_quantity: totalsOf({ ...product, levels }).available,
    replenished_quantity: units,
    new_quantity: quantity,
    timestamp: timeOf(product.updatedAt),
  };
}

const nameOf = (product: Product): string => product.name ?? product.productId;
