import { commandBase, type Deps, type Grounds, type RequestContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import type { AdjustmentType, Location, ProductId } from "#inventory/model";
import type { AdjustOutcome } from "#inventory/ports";

export interface AdjustInput extends Grounds {
  readonly productId: ProductId;
  /** Signed; the sign must fit the type. */
  readonly quantity: number;
  readonly type: AdjustmentType;
  /** null: the product's home. */
  readonly location: Location | null;
  /** onHand over all locations that the caller expects; null when it does not care. */
  readonly expectedQuantity: number | null;
  /** Version the product must still have; null when the caller does not care. */
  readonly expectedSeq: number | null;
}

/**
 * Moves physical stock by a signed number of units.
 * Rejects with `validation_failed`, besides the store's Faults.
 */
export async function adjust(
  deps: Deps,
  ctx: RequestContext,
  input: AdjustInput,
): Promise<AdjustOutcome> {
  requireSign(input.type, input.quantity);
  return deps.store.adjust({
    ...commandBase(ctx, input),
    productId: input.productId,
    location: input.location,
    delta: input.quantity,
    type: input.type,
    expectedQuantity: input.expectedQuantity,
    expectedSeq: input.expectedSeq,
  });
}

function requireSign(type: AdjustmentType, quantity: number): void {
  const message = signRule(type, quantity);
  if (message === null) return;
  const errors = [{ path: "quantity", message }];
  throw new Fault("validation_failed", `quantity ${message}`, { errors });
}

/** What is wrong with the sign, in words; null when nothing is. */
export function signRule(type: AdjustmentType, quantity: number): string | null {
  switch (type) {
    case "RESTOCK":
    case "RETURN":
      return quantity > 0 ? null : `must be above zero for ${type}`;
    case "SALE":
      return quantity < 0 ? null : "must be below zero for SALE";
    case "ADJUSTMENT":
      return quantity !== 0 ? null : "must not be zero";
  }
}
