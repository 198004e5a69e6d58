import type { Deps, ReadContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import type { Product, Sku } from "#inventory/model";
import { waitForLedger } from "#inventory/wait-for-ledger";

/**
 * The product of a SKU as it is now, or null. Redis is asked first, then the ledger; rejects with
 * `ledger_unavailable` when neither knows the SKU and the ledger is not up to date.
 */
export async function readProductOfSku(
  deps: Deps,
  ctx: ReadContext,
  sku: Sku,
): Promise<Product | null> {
  const { store, ledger } = deps;
  const claimed = await store.productOfSku(sku, ctx.deadline);
  if (claimed !== null) {
    const product = await store.product(claimed, ctx.deadline);
    // A claim comes before its product, and stays for a while when that is never made.
    if (product?.sku === sku) return product;
  }
  const lag = await waitForLedger(deps, ctx.deadline);
  const recorded = await ledger.productOfSku(sku, ctx.deadline);
  if (recorded !== null) return store.product(recorded, ctx.deadline);
  if (lag === 0) return null;
  throw new Fault("ledger_unavailable", "whether there is such a SKU is not known yet");
}
