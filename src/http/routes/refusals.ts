/** Refusals that several routes word alike. */
import type { EdgeContext } from "#http/env";
import { PATHS } from "#http/paths";
import { KEY_REUSED } from "#http/problem";
import { refusal, type Answer } from "#http/reply";
import { inventoryOf, shortLineOf } from "#http/wire/objects";
import { limitText, MOST, type AboveLimit, type LevelLimit } from "#inventory/level-limit";
import type { Location, Product, ProductId } from "#inventory/model";
import type { ShortLine } from "#inventory/ports";

export function keyReused(c: EdgeContext): Answer {
  return refusal(c, "idempotency_key_reused", KEY_REUSED);
}

export function unknownProduct(c: EdgeContext, productId: ProductId): Answer {
  return refusal(c, "product_not_found", `there is no product ${productId}`);
}

/** Each short line with what its caller may do: take less, look elsewhere, wait, or stand in line. */
export function insufficientStock(c: EdgeContext, lines: readonly ShortLine[]): Answer {
  const waited = lines.find(({ waiting }) => waiting !== undefined);
  if (waited !== undefined) {
    const { productId, waiting } = waited;
    const path = PATHS.waitlist.replace(":productId", productId);
    const message = `${productId}: ${waiting} wait for it, and what is free is theirs: POST ${path} to wait too`;
    return refusal(c, "waitlist", message, { lines: lines.map(shortLineOf) });
  }
  const message = lines
    .map((line) => `${line.productId}: ${line.requested} asked, at most ${line.largest} can be had`)
    .join("; ");
  return refusal(c, "insufficient_stock", message, { lines: lines.map(shortLineOf) });
}

/** Each line that asks for more than its customer may have, with how much that is. */
export function aboveQuota(c: EdgeContext, lines: readonly ShortLine[]): Answer {
  const message = lines
    .map(({ productId, requested, quota }) => {
      const { maxPerCustomer = 0, left = 0, limitId, campaignId, maxHolds } = quota ?? {};
      const named = limitId === undefined ? "" : ` by the limit ${limitId}`;
      const by = campaignId === undefined ? named : ` in the campaign ${campaignId}`;
      const allowed =
        maxHolds === undefined ? `${maxPerCustomer} are` : `${maxHolds} live holds are`;
      return `${productId}: ${requested} asked, ${allowed} allowed to one customer${by}, who may take ${left} more`;
    })
    .join("; ");
  return refusal(c, "limit_exceeded", message, { lines: lines.map(shortLineOf) });
}

/**
 * A location would have more units than one takes, or the product more locations. null is the
 * product's home, undefined a location that this call did not name; `fields` are the names under
 * which what exceeds the limit was given.
 */
export function aboveLimit(
  c: EdgeContext,
  { limit, onHand }: Pick<AboveLimit, "limit" | "onHand">,
  location: Location | null | undefined,
  fields: Readonly<Record<LevelLimit, string>> = { stock: "quantity", locations: "location" },
): Answer {
  const where = location === undefined ? "its location" : (location ?? "its home");
  const message = limitText(limit, onHand, where);
  const members = { field: fields[limit], limit: MOST[limit], location, totalStock: onHand };
  return refusal(c, "limit_exceeded", message, members);
}

/** The caller's picture is old; the answer brings the new one. */
export function expectedMismatch(c: EdgeContext, product: Product): Answer {
  const message = "the product changed since the caller read it";
  return refusal(c, "expected_mismatch", message, { inventory: inventoryOf(product) });
}

/** Counts are of that location alone; null is the product's home. */
export function belowReserved(
  c: EdgeContext,
  location: Location | null,
  quantity: number,
  { onHand, reserved }: { readonly onHand: number; readonly reserved: number },
): Answer {
  const where = location ?? "its home";
  const message = `${onHand} units are at ${where}, ${reserved} of them held: ${quantity} cannot be taken`;
  const members = { location, totalStock: onHand, reservedStock: reserved };
  return refusal(c, "below_reserved", message, members);
}
