import type { Deps, ReadContext } from "#inventory/context";
import type { Product, ProductId } from "#inventory/model";
import type { Page, ProductQuery } from "#inventory/ports";
import { waitForLedger } from "#inventory/wait-for-ledger";

export interface ProductList {
  readonly page: Page<Product>;
  /** Movements the ledger lacked when it chose the rows. */
  readonly lag: number;
}

/** A page of products: the ledger chooses the rows, their counters are read live. */
export async function listProducts(
  deps: Deps,
  ctx: ReadContext,
  query: ProductQuery,
): Promise<ProductList> {
  const lag = await waitForLedger(deps, ctx.deadline);
  const { items, nextCursor } = await deps.ledger.products(query, ctx.deadline);
  return { page: { items: await liveProducts(deps, ctx, items), nextCursor }, lag };
}

/** The products of these ids in their order, without those that are gone. */
export async function liveProducts(
  deps: Deps,
  ctx: ReadContext,
  ids: readonly ProductId[],
): Promise<readonly Product[]> {
  const products = await deps.store.products(ids, ctx.deadline);
  return products.filter((product) => product !== null);
}
