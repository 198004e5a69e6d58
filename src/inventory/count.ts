import { commandBase, type Deps, type Grounds, type RequestContext } from "#inventory/context";
import type { Location, ProductId } from "#inventory/model";
import type { CountOutcome } from "#inventory/ports";

export interface CountInput extends Grounds {
  readonly productId: ProductId;
  /** null: the product's home. */
  readonly location: Location | null;
  /** Units that are there, those held among them: a `StockCount`. */
  readonly quantity: number;
}

/**
 * Sets the physical units of one location, which may be new, to what was counted; never below what
 * is held there. A count that finds what is known is a movement without units. Rejects with the
 * store's Faults.
 */
export async function count(
  deps: Deps,
  ctx: RequestContext,
  input: CountInput,
): Promise<CountOutcome> {
  const { productId, location, quantity } = input;
  return deps.store.count({ ...commandBase(ctx, input), productId, location, quantity });
}
