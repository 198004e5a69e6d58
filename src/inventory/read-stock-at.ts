import type { Deps, ReadContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import { totalsOf, type Product, type ProductId } from "#inventory/model";
import type { LevelAt } from "#inventory/ports";
import { waitForLedger } from "#inventory/wait-for-ledger";

/** An instant that is this near by Redis's clock is waited for: clocks differ by that much. */
const AHEAD_MS_MAX = 250;

export type StockThen =
  | {
      readonly kind: "stock";
      readonly product: Product;
      /** As they were, by name. */
      readonly levels: readonly LevelAt[];
      /** What could be taken; null where attributes or the registry's rules changed since. */
      readonly available: number | null;
      /** seq of the last movement until then: the version; null where it is no longer kept. */
      readonly seq: number | null;
      readonly lag: number;
    }
  | { readonly kind: "unknown_product" }
  | { readonly kind: "not_yet_created"; readonly createdAt: number }
  /** The movements of that time were put away. */
  | { readonly kind: "not_kept" }
  | { readonly kind: "future" };

/**
 * A product's levels as a read at that instant found them, by Redis's clock: after every movement
 * of that millisecond. A hold counts until the movement that ended it, so that one which was due but
 * not yet released is in `reserved`, as it was for who looked then. `at` is epoch milliseconds.
 */
export async function readStockAt(
  deps: Deps,
  ctx: ReadContext,
  productId: ProductId,
  at: number,
): Promise<StockThen> {
  const { store, ledger } = deps;
  const product = await store.product(productId, ctx.deadline);
  if (product === null) return { kind: "unknown_product" };
  const partition = store.partitionOf(productId);
  const aheadMs = store.msUntil(partition, at / 1_000);
  if (aheadMs > AHEAD_MS_MAX) return { kind: "future" };
  if (aheadMs > 0) await Bun.sleep(aheadMs);
  if (at < product.createdAt) return { kind: "not_yet_created", createdAt: product.createdAt };
  const lag = await waitForLedger(deps, ctx.deadline, partition);
  const { levels, known, kept, amended } = await ledger.stockAt(
    { productId, partition, at },
    ctx.deadline,
  );
  if (!known) throw new Fault("ledger_unavailable", "the ledger has not heard of the product yet");
  if (!kept) return { kind: "not_kept" };
  const available = amended ? null : availableOf(product, levels);
  const seqs = levels.flatMap(({ seq }) => (seq === null ? [] : [seq]));
  const seq = seqs.length === 0 ? null : Math.max(...seqs);
  return { kind: "stock", product, levels, available, seq, lag };
}

/** By the attributes and rules of now, which are those of then. */
function availableOf({ safetyStock, levels: now }: Product, then: readonly LevelAt[]): number {
  const levels = then.flatMap((level) => {
    const rule = now.find(({ location }) => location === level.location);
    return rule === undefined ? [] : [{ ...rule, ...level }];
  });
  return totalsOf({ safetyStock, levels }).available;
}
