import { commandBase, type Deps, type Grounds, type RequestContext } from "#inventory/context";
import type { Location, ProductId } from "#inventory/model";
import type { CountOutcome } from "#inventory/ports";

export interface CountInput extends Grounds {
  readonly productId: ProductId;
  /** null: the product's home. */
  readonly location: Location | null;
  /** Units that are there, those held among them: a `StockCount`. */
  readonly quantity: number;
  /** onHand over all locations that the caller expects; null when it does not care. */
  readonly expectedQuantity: number | null;
  /** Version the product must still have; null when the caller does not care. */
  readonly expectedSeq: number | null;
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
  const { productId, location, quantity, expectedQuantity, expectedSeq } = input;
  const command = { productId, location, quantity, expectedQuantity, expectedSeq };
  return deps.store.count({ ...commandBase(ctx, input), ...command });
}
