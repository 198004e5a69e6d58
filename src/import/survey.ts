/**
 * What can be told only from all rows together, found before anything is sent: one product, or the
 * hold of one owner, in two rows. Whichever came second would take the place of the first.
 */
import { placeOf, Stopped, type Place, type Row, type RowError, type Through } from "#import/rows";

/** Products and holds of one run: the ids of all are kept. */
const SURVEYED_MAX = 2_000_000;

export interface Survey {
  /** Contracts that holds are sent through. */
  readonly contracts: ReadonlySet<Through>;
  /** Why a row may not be sent, though it holds by itself; null where nothing speaks against it. */
  refusalOf(row: Row): RowError | null;
}

/** Reads all rows once, and sends nothing. */
export async function surveyed(rows: AsyncIterable<Row>): Promise<Survey> {
  const first = new Map<string, Place>();
  const twins = new Map<string, readonly [Place, Place]>();
  const contracts = new Set<Through>();
  for await (const row of rows) {
    if (row.kind === "hold") contracts.add(row.hold.through);
    const name = nameOf(row);
    if (name === null) continue;
    const known = first.get(name);
    if (known !== undefined) {
      if (!twins.has(name)) twins.set(name, [known, row.at]);
      continue;
    }
    if (first.size === SURVEYED_MAX) {
      throw new Stopped(`there are more than ${SURVEYED_MAX} products and holds; split the files`);
    }
    first.set(name, row.at);
  }
  return {
    contracts,
    refusalOf(row) {
      const name = nameOf(row);
      const [one, other] = (name === null ? undefined : twins.get(name)) ?? [];
      if (one === undefined || other === undefined) return null;
      const place = placeOf(placeOf(row.at) === placeOf(one) ? other : one);
      return row.kind === "hold"
        ? holdTwice(row.hold.orderId ?? row.hold.productId, place)
        : { field: "productId", reason: productTwice(nameOfProduct(row) ?? "", place) };
    },
  };
}

const productTwice = (productId: string, place: string): string =>
  `${productId} is also at ${place}: rows of one product follow each other, each with its ` +
  "location, the same attributes, and nothing to refuse";

function holdTwice(id: string, place: string): RowError {
  const reason =
    `${id} holds this product also at ${place}, and one of them would take the other's place: ` +
    "end one in the old system";
  return { field: "orderId", reason };
}

/** What no two rows may share; null for rows that make nothing. */
function nameOf(row: Row): string | null {
  if (row.kind === "hold") {
    const { through, customerId, orderId, productId } = row.hold;
    return JSON.stringify([through, customerId, orderId, productId]);
  }
  return nameOfProduct(row);
}

function nameOfProduct(row: Row): string | null {
  if (row.kind === "product") return row.product.body.productId;
  return row.kind === "refused" ? (row.productId ?? null) : null;
}
