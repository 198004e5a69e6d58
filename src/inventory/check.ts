import type { Deps, ReadContext } from "#inventory/context";
import { totalsOf, type ProductId } from "#inventory/model";
import type { LineQuantity } from "#inventory/ports";

export interface Availability {
  readonly productId: ProductId;
  /** As the item of the question had it. */
  readonly requestedQuantity: number;
  /** Whether there is enough for all items of the question that name this product. */
  readonly available: boolean;
  readonly availableStock: number;
}

export interface CheckOutcome {
  /** In the order asked. */
  readonly availability: readonly Availability[];
  readonly allAvailable: boolean;
}

/** Whether each product could be taken now, in one read of each; promises nothing. */
export async function check(
  deps: Deps,
  ctx: ReadContext,
  items: readonly LineQuantity[],
): Promise<CheckOutcome> {
  const requested = new Map<ProductId, number>();
  for (const { productId, quantity } of items) {
    requested.set(productId, (requested.get(productId) ?? 0) + quantity);
  }
  const ids = [...requested.keys()];
  const products = await deps.store.products(ids, ctx.deadline);
  const stock = new Map(
    ids.map((id, index) => {
      const product = products[index] ?? null;
      return [id, product === null ? 0 : totalsOf(product).available];
    }),
  );
  const availability = items.map(({ productId, quantity }) => {
    const availableStock = stock.get(productId) ?? 0;
    const available = availableStock >= (requested.get(productId) ?? quantity);
    return { productId, requestedQuantity: quantity, available, availableStock };
  });
  return { availability, allAvailable: availability.every((item) => item.available) };
}
