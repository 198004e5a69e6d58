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
 * What no product and no SKU may be called: the scope of carts, and the words that stand in a path
 * where another contract has a product's id (contract D's beside B's; a test holds them to it).
 */
export const TAKEN_NAMES: ReadonlySet<string> = new Set([
  CART_SCOPE,
  "stock-levels",
  "update-stock",
  "reserve-order",
  "cancel-reservation",
]);

/**
 * Makes a product with its first stock; what is there already is answered, not changed.
 * Rejects with `validation_failed` for names that are taken by words of ours.
 */
export async function initialize(
  deps: Deps,
  ctx: RequestContext,
  input: InitializeInput,
): Promise<InitializeOutcome> {
  requireFree("productId", input.productId);
  requireFree("sku", input.sku);
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

function requireFree(path: string, name: string): void {
  if (!TAKEN_NAMES.has(name)) return;
  const message = "is a word of ours and names nothing";
  throw new Fault("validation_failed", `${path} ${message}`, { errors: [{ path, message }] });
}
