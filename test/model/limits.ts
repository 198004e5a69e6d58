/**
 * Limits of what one customer may have of a product: what it has is never stored either, it is read off the
 * product's movements, from the first that the limit counts.
 */
import type { CustomerId } from "#inventory/model";
import type { Quota } from "#inventory/hold-ports";
import { limitKey } from "#redis/keys";
import { customerField } from "#inventory/limits";
import { linesOf, type Hold, type ModelProduct, type Move } from "#model/world";

/** Whose the units of a line would be. */
export interface Buyer {
  readonly customerId: CustomerId | null;
  /** When the hold that they would belong to was made. */
  readonly createdAt: number;
}

/** From when on the product's limit counts; a product that never got another one: since it is there. */
export const sinceOf = ({ limitSince, moves }: ModelProduct): number =>
  limitSince ?? moves[0]?.at ?? 0;

/** Whose units a movement changes, and by how many; null: nobody's that is counted. */
function change(
  product: ModelProduct,
  move: Move,
): { customerId: CustomerId; units: number } | null {
  if (move.back) {
    const { customerId, lots, back } = move.back;
    const sold = lots.filter(({ at }) => at >= sinceOf(product));
    const counted = sold.reduce((sum, { units }) => sum + units, -back);
    return { customerId, units: -Math.min(move.onHand, Math.max(0, counted)) };
  }
  const { customerId = null } = move.hold ?? move.context;
  const isCounted = (move.hold?.createdAt ?? move.at) >= sinceOf(product);
  const isTaken = move.hold !== null || move.type === "SALE";
  if (customerId === null || !isCounted || !isTaken) return null;
  return { customerId, units: move.reserved - move.onHand };
}

/** Units that each customer has, where the product has a limit: never below none. */
export function countsOf(product: ModelProduct): Map<CustomerId, number> {
  const counts = new Map<CustomerId, number>();
  if (product.attributes.maxPerCustomer === null) return counts;
  for (const move of product.moves) {
    const { customerId, units } = change(product, move) ?? {};
    if (customerId === undefined || units === undefined) continue;
    const after = Math.max(0, (counts.get(customerId) ?? 0) + units);
    if (after > 0) counts.set(customerId, after);
    else counts.delete(customerId);
  }
  return counts;
}

/** What the buyer may still take, were that hold given back; null: as much as there is. */
export function quotaOf(
  product: ModelProduct,
  { customerId, createdAt }: Buyer,
  given: Hold | undefined,
): Quota | null {
  const { maxPerCustomer } = product.attributes;
  if (maxPerCustomer === null || customerId === null || createdAt < sinceOf(product)) return null;
  const own = given && given.createdAt >= sinceOf(product) ? linesOf(given) : [];
  const held = own
    .filter(({ productId }) => productId === product.productId)
    .reduce((sum, line) => sum + line.held, 0);
  const had = Math.max(0, (countsOf(product).get(customerId) ?? 0) - held);
  return { maxPerCustomer, left: Math.max(0, maxPerCustomer - had) };
}

/** The key that has them, and customer to units; null: there is none. */
export function expectedLimit(partition: number, product: ModelProduct) {
  const counts = Array.from(countsOf(product), ([customerId, units]) => {
    return [customerField(customerId), String(units)] as const;
  });
  if (counts.length === 0) return null;
  return { key: limitKey(partition, product.productId), counts: Object.fromEntries(counts) };
}
