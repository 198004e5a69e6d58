import type { Deps, ReadContext } from "#inventory/context";
import type { Product, ProductId } from "#inventory/model";

/** A product as it is now, or null. Redis holds every product, so that its word is final. */
export async function readProduct(
  deps: Deps,
  ctx: ReadContext,
  productId: ProductId,
): Promise<Product | null> {
  return deps.store.product(productId, ctx.deadline);
}
