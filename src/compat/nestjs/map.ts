/** Products in contract D's words. Its `quantity` is what can be sold. */
import type * as wire from "#compat/nestjs/wire";
import { timeOf } from "#http/wire/objects";
import { totalsOf, type Product } from "#inventory/model";
import type { z } from "zod";

export const SUCCESS = { statusCode: 200, message: "Success" } as const;

/** Under /inventory. */
export function levelOf(product: Product): z.output<typeof wire.LevelAnswer> {
  return {
    productId: product.productId,
    quantity: totalsOf(product).available,
    lastUpdated: timeOf(product.updatedAt),
  };
}

/** Under /v1/api/inventory. */
export function wrappedLevelOf(product: Product): z.output<typeof wire.WrappedLevelAnswer> {
  const { available, reserved } = totalsOf(product);
  const data = {
    productId: product.productId,
    quantity: available,
    reserved,
    createdAt: timeOf(product.createdAt),
    updatedAt: timeOf(product.updatedAt),
  };
  return { data };
}
