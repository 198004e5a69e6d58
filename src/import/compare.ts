/** Where Holdfast and the source differ; changes nothing. */
import { Inventory } from "#http/wire/answers";
import { shaped, BASE, messageOf, type Api } from "#import/api";
import { findHold, type FoundHold } from "#import/find-hold";
import type { Report } from "#import/report";
import type { PlacedHold } from "#import/send-holds";
import type { RowError } from "#import/rows";
import { attributeDifferences, stockDifference, type Placed } from "#import/send-products";

/** Products asked for at once; the service reads them together. */
export const COMPARED_AT_ONCE = 64;

export interface CompareDeps {
  readonly api: Api;
  readonly report: Report;
}

export async function compareProduct(
  { api, report }: CompareDeps,
  { at, product }: Placed,
): Promise<void> {
  const found: RowError[] = [];
  const differ = (field: string, reason: string) => void found.push({ field, reason });
  const only = (reason: string) => report.differ("product", at, [{ field: "productId", reason }]);
  const { productId, sku } = product.body;
  const path = `${BASE}/product/${productId}`;
  const { status, body } = await api.get(path);
  if (status === 404) return only(`is not in Holdfast: ${productId}`);
  if (status !== 200) return only(messageOf(body));
  const inventory = shaped(Inventory, body, path);
  if (inventory.sku !== sku) differ("sku", `is ${inventory.sku} in Holdfast, here ${sku}`);
  const missing = product.levels
    .slice(1)
    .find(
      ({ location, onHand }) =>
        onHand > 0 && !inventory.locations.some((level) => level.location === location),
    );
  const stock =
    stockDifference(product, inventory) ??
    (missing === undefined ? null : `lacks ${missing.location} in Holdfast`);
  if (stock !== null) differ("stock", `${productId}: ${stock}`);
  if (product.held !== null && product.held.units !== inventory.reservedStock) {
    const there = inventory.reservedStock;
    differ("reserved", `${productId}: is ${there} in Holdfast, here ${product.held.units}`);
  }
  for (const [field, value] of attributeDifferences(product, inventory)) {
    const there = JSON.stringify(inventory[field]);
    differ(field, `${productId}: is ${there} in Holdfast, here ${JSON.stringify(value)}`);
  }
  if (found.length === 0) report.products.unchanged += 1;
  else report.differ("product", at, found);
}

export async function compareHold(
  { api, report }: CompareDeps,
  { at, hold }: PlacedHold,
): Promise<void> {
  const found = await findHold(api, hold);
  const reason = typeof found === "string" ? found : differenceOf(hold.quantity, found);
  if (reason === null) {
    report.holds.unchanged += 1;
    return;
  }
  const [field, id] =
    hold.orderId === null ? ["productId", hold.productId] : ["orderId", hold.orderId];
  report.differ("hold", at, [{ field, reason: `${id}: ${reason}` }]);
}

/** Units that are held now are compared: a part of a hold may have ended on either side. */
function differenceOf(quantity: number, found: FoundHold | null): string | null {
  if (found === null) return "has no hold in Holdfast";
  if (found.status !== "ACTIVE") return `is ${found.status} in Holdfast`;
  return found.live === quantity ? null : `is ${found.live} in Holdfast, here ${quantity}`;
}
