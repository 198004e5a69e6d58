import { commandBase, type Deps, type Grounds, type RequestContext } from "#inventory/context";
import type { CustomerId, Location, OrderId, ProductId } from "#inventory/model";
import type { SellOutcome } from "#inventory/ports";

export interface SellInput extends Grounds {
  readonly productId: ProductId;
  readonly quantity: number;
  /** null: the product's locations in their order, home first. */
  readonly location: Location | null;
  /** Whose it is; only what was sold to an order can come back with `returnStock`. */
  readonly orderId: OrderId | null;
  readonly customerId: CustomerId | null;
  /** onHand over all locations that the caller expects; null when it does not care. */
  readonly expectedQuantity: number | null;
}

/**
 * Sells units without a hold: they leave what is available, for good. Never a held unit, never one
 * of the safety stock. Without an `Idempotency-Key` a repeat is a new sale.
 */
export async function sell(
  deps: Deps,
  ctx: RequestContext,
  input: SellInput,
): Promise<SellOutcome> {
  const { productId, quantity, location, expectedQuantity, customerId } = input;
  return deps.store.sell({
    ...commandBase(ctx, input),
    productId,
    quantity,
    location,
    expectedQuantity,
    customerId,
  });
}
