import type { Deps, ReadContext } from "#inventory/context";
import { liveProducts } from "#inventory/list-products";
import type { Product } from "#inventory/model";
import { rowsBefore, type NumberedPage } from "#inventory/numbered-page";
import type { RecentProductFilter } from "#inventory/ports";
import { waitForLedger } from "#inventory/wait-for-ledger";

export interface RecentProductList {
  readonly products: readonly Product[];
  /** Products that pass the filters, on whatever page. */
  readonly total: number;
  /** Movements the ledger lacked when it chose the rows. */
  readonly lag: number;
}

/**
 * A numbered page of products, newest change first, those of one millisecond by id. The ledger
 * chooses and counts the rows, their counters are read live. A page beyond the end is empty.
 */
export async function listRecentProducts(
  deps: Deps,
  ctx: ReadContext,
  query: NumberedPage & RecentProductFilter,
): Promise<RecentProductList> {
  const { limit, status, location, isLow } = query;
  const rows = { before: rowsBefore(query), limit };
  const lag = await waitForLedger(deps, ctx.deadline);
  const filter = { status, location, isLow };
  const { items, total } = await deps.ledger.recentProducts(filter, rows, ctx.deadline);
  return { products: await liveProducts(deps, ctx, items), total, lag };
}
