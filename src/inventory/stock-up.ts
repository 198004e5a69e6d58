import type { Deps, RequestContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import { initialize, type InitializeInput } from "#inventory/initialize";
import { QUANTITY_MAX } from "#inventory/model";
import type { InitializeOutcome } from "#inventory/ports";
import { restock, type RestockOutcome } from "#inventory/restock";

export type StockUpOutcome =
  InitializeOutcome | Exclude<RestockOutcome, { readonly kind: "unknown_product" }>;

/**
 * Makes a product with that stock, or adds it at the home of the one that is there (`adjusted`);
 * adding nothing is answered `exists`. Rejects with `validation_failed` for more units than one
 * operation may move, besides what `initialize` and the store reject with.
 *
 * Two operations of one `Idempotency-Key`, and at most one of them has an effect: products never
 * go, so that once the first was answered `exists` no copy of it can make the product any more,
 * and the second is the only one that is kept under the key.
 */
export async function stockUp(
  deps: Deps,
  ctx: RequestContext,
  input: InitializeInput,
): Promise<StockUpOutcome> {
  const { productId, initialStock: quantity } = input;
  const made = await initialize(deps, ctx, input);
  if (made.kind !== "exists" || quantity === 0) return made;
  if (quantity > QUANTITY_MAX) {
    const message = `must be at most ${QUANTITY_MAX}`;
    const errors = [{ path: "quantity", message }];
    throw new Fault("validation_failed", `quantity ${message}`, { errors });
  }
  const added = await restock(deps, ctx, { productId, quantity });
  if (added.kind === "unknown_product") throw new Error("a product that was there is gone");
  return added;
}
