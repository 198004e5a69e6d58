import type { Deps, ReadContext } from "#inventory/context";
import { liveProducts } from "#inventory/list-products";
import { totalsOf, type Product, type ProductId } from "#inventory/model";
import { waitForLedger } from "#inventory/wait-for-ledger";

export interface LowStockList {
  readonly products: readonly Product[];
  /** Movements that the ledger lacked when it was asked, which is only where a location is inactive. */
  readonly lag: number;
}

/** Products whose available units are at or below their threshold, the lowest first. */
export async function listLowStock(
  deps: Deps,
  ctx: ReadContext,
  limit: number,
): Promise<LowStockList> {
  const [low, hasInactive] = await Promise.all([
    deps.store.lowStock(limit, ctx.deadline),
    deps.store.hasInactiveLocation(ctx.deadline),
  ]);
  const { ids, lag } = hasInactive ? await withoutInactive(deps, ctx, limit) : { ids: [], lag: 0 };
  const live = await liveProducts(deps, ctx, [...new Set([...low, ...ids])]);
  // Read after the ids: what was sold or restocked in between moves, or drops out.
  const products = live
    .map((product) => ({ product, available: totalsOf(product).available }))
    .filter(({ product, available }) => available <= product.lowStockThreshold)
    .sort((a, b) => a.available - b.available)
    .slice(0, limit)
    .map(({ product }) => product);
  return { products, lag };
}

/** Redis keeps those that are low anyway; what only an inactive location makes low, the ledger knows. */
async function withoutInactive(
  deps: Deps,
  ctx: ReadContext,
  limit: number,
): Promise<{ ids: readonly ProductId[]; lag: number }> {
  const lag = await waitForLedger(deps, ctx.deadline);
  return { ids: await deps.ledger.lowWithoutInactive(limit, ctx.deadline), lag };
}
