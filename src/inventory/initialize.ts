import { commandBase, type Deps, type RequestContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import { type Attributes, DEFAULT_ATTRIBUTES, DEFAULT_LOCATION, Location } from "#inventory/model";
import type { ProductId, Sku } from "#inventory/model";
import { CART_SCOPE } from "#inventory/owner";
import type { InitializeOutcome } from "#inventory/ports";

export interface InitializeInput extends Partial<Omit<Attributes, "sku">> {
  readonly productId: ProductId;
  readonly sku: Sku;
  readonly initialStock: number;
  /** The product's home. */
  readonly location?: Location;
}

const HOME = Location.parse(DEFAULT_LOCATION);

/**
 * Makes a product with its first stock; what is there already is answered, not changed.
 * Rejects with `validation_failed` for the one name that carts have taken.
 */
export async function initialize(
  deps: Deps,
  ctx: RequestContext,
  input: InitializeInput,
): Promise<InitializeOutcome> {
  if (input.productId === CART_SCOPE) {
    const message = "is a word of ours and names no product";
    const errors = [{ path: "productId", message }];
    throw new Fault("validation_failed", `productId ${message}`, { errors });
  }
  const { location = HOME, ...product } = input;
  const outcome = await deps.store.initialize({
    ...DEFAULT_ATTRIBUTES,
    ...product,
    location,
    ...commandBase(ctx),
  });
  if (outcome.kind !== "sku_taken" || outcome.product !== null) return outcome;
  const holder = await deps.store.product(outcome.productId, ctx.deadline);
  return { ...outcome, product: holder };
}
