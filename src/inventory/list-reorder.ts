import type { Deps, ReadContext } from "#inventory/context";
import { totalsOf, type Product } from "#inventory/model";
import { waitForLedger } from "#inventory/wait-for-ledger";

/** A product that is at or below its reorder point. */
export interface ReorderRow {
  readonly product: Product;
  /** Units that are expected, and when the first of them are (epoch ms); null: none are. */
  readonly incoming: number;
  readonly nextExpectedAt: number | null;
  /** The product's reorder quantity without what is expected already; never below zero. */
  readonly orderQuantity: number;
}

export interface ReorderList {
  readonly rows: readonly ReorderRow[];
  readonly nextCursor: string | null;
  /** Movements the ledger lacked when it chose the rows. */
  readonly lag: number;
}

/**
 * A page of what to order: the ledger chooses the rows, their counters are read live, and a product
 * that was restocked meanwhile drops out. What is expected does not count as available.
 */
export async function listReorder(
  deps: Deps,
  ctx: ReadContext,
  cursor: string | null,
  limit: number,
): Promise<ReorderList> {
  const lag = await waitForLedger(deps, ctx.deadline);
  const { items, nextCursor } = await deps.ledger.reorder(cursor, limit, ctx.deadline);
  const rows = await Promise.all(
    items.map(async ({ productId, ...expected }) => {
      const product = await deps.store.product(productId, ctx.deadline);
      if (product === null || totalsOf(product).available > product.reorderPoint) return null;
      const orderQuantity = Math.max(0, product.reorderQuantity - expected.incoming);
      return { product, ...expected, orderQuantity };
    }),
  );
  return { rows: rows.filter((row) => row !== null), nextCursor, lag };
}
