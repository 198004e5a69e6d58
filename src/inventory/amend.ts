import { commandBase, type Deps, type RequestContext } from "#inventory/context";
import type { Attributes, ProductId } from "#inventory/model";
import type { AmendOutcome } from "#inventory/ports";

export interface AmendInput {
  readonly productId: ProductId;
  readonly changes: Partial<Omit<Attributes, "sku">>;
  /** Version the product must still have; null when the caller does not care. */
  readonly expectedSeq: number | null;
}

/** Changes what a product says about itself, without moving stock. */
export async function amend(
  deps: Deps,
  ctx: RequestContext,
  input: AmendInput,
): Promise<AmendOutcome> {
  return deps.store.amend({ ...commandBase(ctx), ...input });
}
