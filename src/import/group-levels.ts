/** Rows of one product that follow each other, one a location, become one product. */
import type { Row } from "#import/rows";

type ProductRow = Extract<Row, { kind: "product" }>;

/** Passes everything on in its order. */
export async function* groupLevels(rows: AsyncIterable<Row>): AsyncGenerator<Row> {
  let waiting: ProductRow | null = null;
  for await (const row of rows) {
    if (waiting !== null) {
      const merged: ProductRow | null = row.kind === "product" ? mergedOf(waiting, row) : null;
      if (merged !== null) {
        waiting = merged;
        continue;
      }
      yield waiting;
      waiting = null;
    }
    if (row.kind === "product") waiting = row;
    else yield row;
  }
  if (waiting !== null) yield waiting;
}

/** Both as one, with what is held at each; null where they are not the same product at different, named locations. */
function mergedOf(first: ProductRow, second: ProductRow): ProductRow | null {
  const levels = [...first.product.levels, ...second.product.levels];
  const names = new Set(levels.map(({ location }) => location));
  if (names.has(null) || names.size < levels.length) return null;
  if (attributesOf(first) !== attributesOf(second)) return null;
  const [one, other] = [first.product.held, second.product.held];
  const units = (one?.units ?? 0) + (other?.units ?? 0);
  const counted = one ?? other;
  const held = counted === null ? null : { ...counted, units };
  return { ...first, product: { ...first.product, levels, held } };
}

function attributesOf({ product }: ProductRow): string {
  const { initialStock: _stock, location: _location, ...attributes } = product.body;
  return JSON.stringify(attributes);
}
