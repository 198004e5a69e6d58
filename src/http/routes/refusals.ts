/** Refusals that several routes word alike. */
import type { EdgeContext } from "#http/env";
import { refuse } from "#http/reply";
import { inventoryOf, shortLineOf } from "#http/wire/objects";
import { STOCK_MAX } from "#inventory/model";
import type { Location, Product, ProductId } from "#inventory/model";
import type { ShortLine } from "#inventory/ports";

export function keyReused(c: EdgeContext): Response {
  const message = "this Idempotency-Key was used with another body";
  return refuse(c, "idempotency_key_reused", message);
}

export function unknownProduct(c: EdgeContext, productId: ProductId): Response {
  return refuse(c, "product_not_found", `there is no product ${productId}`);
}

/** Each short line with what its caller may do: take less, look elsewhere, or wait. */
export function insufficientStock(c: EdgeContext, lines: readonly ShortLine[]): Response {
  const message = lines
    .map((line) => `${line.productId}: ${line.requested} asked, ${line.largest} available`)
    .join("; ");
  return refuse(c, "insufficient_stock", message, { lines: lines.map(shortLineOf) });
}

/** A location would have more units than one takes, or the product more locations. */
export function aboveLimit(c: EdgeContext, onHand: number): Response {
  const message = `a location takes at most ${STOCK_MAX} units`;
  return refuse(c, "limit_exceeded", message, { totalStock: onHand });
}

/** The caller's picture is old; the answer brings the new one. */
export function expectedMismatch(c: EdgeContext, product: Product): Response {
  const message = "the product changed since the caller read it";
  return refuse(c, "expected_mismatch", message, { inventory: inventoryOf(product) });
}

/** Counts are of that location alone; null is the product's home. */
export function belowReserved(
  c: EdgeContext,
  location: Location | null,
  quantity: number,
  { onHand, reserved }: { readonly onHand: number; readonly reserved: number },
): Response {
  const where = location ?? "its home";
  const message = `${onHand} units are at ${where}, ${reserved} of them held: ${quantity} cannot be taken`;
  const members = { location, totalStock: onHand, reservedStock: reserved };
  return refuse(c, "below_reserved", message, members);
}
