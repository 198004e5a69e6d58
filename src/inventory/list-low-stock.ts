import type { Deps, ReadContext } from "#inventory/context";
import { liveProducts } from "#inventory/list-products";
import { totalsOf, type Product } from "#inventory/model";

/** Products whose available units are at or below their threshold, the lowest first. */
export async function listLowStock(
  deps: Deps,
  ctx: ReadContext,
  limit: number,
): Promise<readonly Product[]> {
  const ids = await deps.store.lowStock(limit, ctx.deadline);
  const products = await liveProducts(deps, ctx, ids);
  // Read after the ids: what was sold or restocked in between moves, or drops out.
  return products
    .map((product) => ({ product, available: totalsOf(product).available }))
    .filter(({ product, available }) => available <= product.lowStockThreshold)
    .sort((a, b) => a.available - b.available)
    .slice(0, limit)
    .map(({ product }) => product);
}
