/** Refusals that several routes word alike. */
import type { EdgeContext } from "#http/env";
import { refuse } from "#http/reply";
import { inventoryOf, shortLineOf } from "#http/wire/objects";
import type { Product, ProductId } from "#inventory/model";
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

/** The caller's picture is old; the answer brings the new one. */
export function expectedMismatch(c: EdgeContext, product: Product): Response {
  const message = "the product changed since the caller read it";
  return refuse(c, "expected_mismatch", message, { inventory: inventoryOf(product) });
}
