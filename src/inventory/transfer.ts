import { commandBase, type Deps, type Grounds, type RequestContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import type { Location, ProductId, Quantity } from "#inventory/model";
import type { TransferOutcome } from "#inventory/location-ports";

export interface TransferInput extends Grounds {
  readonly productId: ProductId;
  readonly from: Location;
  readonly to: Location;
  readonly quantity: Quantity;
  /** onHand over all locations that the caller expects; null when it does not care. */
  readonly expectedQuantity: number | null;
}

/**
 * Moves physical units of a product from one of its locations to another, which may be new. What is
 * held stays where it is. Rejects with `validation_failed`, besides the store's Faults.
 */
export async function transfer(
  deps: Deps,
  ctx: RequestContext,
  input: TransferInput,
): Promise<TransferOutcome> {
  if (input.from === input.to) {
    const message = "must be another location than from";
    throw new Fault("validation_failed", `to ${message}`, { errors: [{ path: "to", message }] });
  }
  const { productId, from, to, quantity, expectedQuantity } = input;
  const command = { productId, from, to, quantity, expectedQuantity };
  return deps.store.transfer({ ...commandBase(ctx, input), ...command });
}
