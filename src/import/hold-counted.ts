/** Units that a source counts as held, and does not say for whom: held for whom the caller names. */
import { holdRow, refused, type Reading, type Row } from "#import/rows";

/** Passes everything on in its order; behind a product comes the hold on what is held of it. */
export async function* holdCounted(
  rows: AsyncIterable<Row>,
  { heldBy, through }: Pick<Reading, "heldBy" | "through">,
): AsyncGenerator<Row> {
  for await (const row of rows) {
    const held = row.kind === "product" ? row.product.held : null;
    if (row.kind !== "product" || held === null || held.units === 0) {
      yield row;
      continue;
    }
    const { at, product } = row;
    const { productId } = product.body;
    if (heldBy === null && through !== "eureka") {
      yield { ...refused(at, held.field, nobodys(held.units)), productId };
      continue;
    }
    const values = { productId, orderId: heldBy, quantity: held.units };
    const nameOf = (field: string) => (field === "quantity" ? held.field : field);
    const hold = holdRow(at, { sourceId: null, values, expiresAt: null, through, nameOf });
    if (hold.kind === "hold") yield row;
    yield hold.kind === "refused" ? { ...hold, productId } : hold;
  }
}

const nobodys = (units: number): string =>
  `${units} units are held and the file does not say for whom: end these holds first, or hold ` +
  "them for one order with --held-by ORDER, or for contract C's callers with --through eureka";
