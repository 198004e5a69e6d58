import type { Deps, ReadContext } from "#inventory/context";
import type { Movement, ProductId } from "#inventory/model";
import { waitForLedger } from "#inventory/wait-for-ledger";

export type MovementList =
  | {
      readonly kind: "movements";
      /** Newest first. */
      readonly movements: readonly Movement[];
      /** Movements of any product that the ledger lacked when it was asked. */
      readonly lag: number;
    }
  | { readonly kind: "unknown_product" };

/** What happened to a product: everything up to the moment of asking, unless the lag says less. */
export async function listMovements(
  deps: Deps,
  ctx: ReadContext,
  productId: ProductId,
  limit: number,
): Promise<MovementList> {
  const product = await deps.store.product(productId, ctx.deadline);
  if (product === null) return { kind: "unknown_product" };
  const lag = await waitForLedger(deps, ctx.deadline);
  const movements = await deps.ledger.movements(productId, limit, ctx.deadline);
  return { kind: "movements", movements, lag };
}
