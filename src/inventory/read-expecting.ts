import type { Deps, ReadContext } from "#inventory/context";
import type { Incoming } from "#inventory/incoming-ports";
import type { Product, ProductId } from "#inventory/model";

export interface Expecting {
  readonly product: Product;
  /** What is still to come, soonest first. */
  readonly incoming: readonly Incoming[];
}

/** Lots that are shown beside a product; all of them are in the list of what is expected. */
const SHOWN_LOTS_MAX = 100;

/** A product, and what is expected of it; null where there is none. */
export async function readExpecting(
  deps: Deps,
  ctx: ReadContext,
  productId: ProductId,
): Promise<Expecting | null> {
  const query = { productId, status: "EXPECTED", cursor: null, limit: SHOWN_LOTS_MAX } as const;
  const [product, { items }] = await Promise.all([
    deps.store.product(productId, ctx.deadline),
    deps.incoming.list(query, ctx.deadline),
  ]);
  return product === null ? null : { product, incoming: items };
}
