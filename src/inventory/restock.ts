import { adjust } from "#inventory/adjust";
import type { Deps, RequestContext } from "#inventory/context";
import type { ProductId } from "#inventory/model";
import type { AdjustOutcome } from "#inventory/ports";

export interface RestockInput {
  readonly productId: ProductId;
  readonly quantity: number;
  readonly reference?: string;
}
type Impossible = { readonly kind: "below_reserved" | "expected_mismatch" };
export type RestockOutcome = Exclude<AdjustOutcome, Impossible>;

/** Adds units at the product's home, whatever is there. Rejects with the store's Faults. */
export async function restock(
  deps: Deps,
  ctx: RequestContext,
  input: RestockInput,
): Promise<RestockOutcome> {
  const anyway = { location: null, expectedQuantity: null, expectedSeq: null };
  const outcome = await adjust(deps, ctx, { ...input, type: "RESTOCK", ...anyway });
  if (outcome.kind === "below_reserved" || outcome.kind === "expected_mismatch") {
    throw new Error(`a restock was answered ${outcome.kind}`);
  }
  return outcome;
}
