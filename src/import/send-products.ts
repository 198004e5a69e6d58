/** Products, up to 500 a call: made where they are not, compared where they are. */
import { Inventory } from "#http/wire/answers";
import { BULK_ITEMS_MAX } from "#http/wire/bodies";
import { shaped, BASE, errorsOf, type Api, type Outcome } from "#import/api";
import type { Report } from "#import/report";
import type { Place, RowError, SourceLevel, SourceProduct } from "#import/rows";

/** Bytes of one call: well below the service's 256 KiB for lists. */
export const CALL_BYTES_MAX = 200_000;

export interface Placed {
  readonly at: Place;
  readonly product: SourceProduct;
}

/** Lets who imports holds know whose stock is not what the source says. */
export interface ProductDeps {
  readonly api: Api;
  readonly report: Report;
  readonly onFailed: (productId: string) => void;
}

/** Cuts products into calls, by number and size. The same rows always make the same calls. */
export function createCalls(send: (rows: readonly Placed[]) => Promise<void>) {
  let [rows, bytes]: [Placed[], number] = [[], 0];
  const flush = async (): Promise<void> => {
    if (rows.length === 0) return;
    const call = rows;
    [rows, bytes] = [[], 0];
    await send(call);
  };
  return {
    flush,
    add: async (row: Placed): Promise<void> => {
      const size = Buffer.byteLength(JSON.stringify(row.product.body)) + 1;
      if (rows.length === BULK_ITEMS_MAX || bytes + size > CALL_BYTES_MAX) await flush();
      rows.push(row);
      bytes += size;
    },
  };
}

/** Sends one call, and what follows from its answers. */
export async function sendProducts(deps: ProductDeps, rows: readonly Placed[]): Promise<void> {
  const { api } = deps;
  const { outcomes, retried } = await api.bulk(
    `${BASE}/bulk/initialize`,
    rows.map(({ product }) => product.body),
  );
  const missing = await Promise.all(
    rows.map((row, index) => {
      const outcome = outcomes[index];
      if (outcome !== undefined) return placed(deps, row, outcome, retried);
      throw new Error("the service answered fewer items than it was sent");
    }),
  );
  await addLevels(
    deps,
    missing.filter((row) => row !== null),
  );
}

/** A product that lacks locations which the source has. */
interface Missing extends Placed {
  readonly levels: readonly SourceLevel[];
  /** Units that it has before the first of them comes. */
  readonly onHand: number;
}

/** Counts what became of a product; answers what it lacks. */
async function placed(
  deps: ProductDeps,
  row: Placed,
  outcome: Outcome,
  retried: boolean,
): Promise<Missing | null> {
  const { report } = deps;
  const { product, at } = row;
  const levels = product.levels.slice(1).filter(({ onHand }) => onHand > 0);
  if (outcome.status === 201 && (outcome.replayed !== true || retried)) {
    const onHand = product.body.initialStock;
    if (levels.length > 0) return { ...row, levels, onHand };
    report.products.imported += 1;
    return null;
  }
  // Of an earlier run: what is there now may be more than what was answered then.
  const inventory =
    outcome.status === 201 ? await inventoryOf(deps.api, product) : outcome.inventory;
  if (inventory === undefined || inventory === null) {
    failed(deps, "refused", row, errorsOf(outcome));
    return null;
  }
  const { productId, sku } = product.body;
  if (inventory.productId !== productId) {
    failed(deps, "conflict", row, [{ field: "sku", reason: `is ${inventory.productId}'s` }]);
    return null;
  }
  const reason = stockDifference(product, inventory);
  if (outcome.status !== 201 && inventory.sku !== sku) {
    const other = { field: "sku", reason: `is ${inventory.sku} in Holdfast, here ${sku}` };
    failed(deps, "conflict", row, [other]);
    return null;
  }
  if (reason !== null) {
    failed(deps, "conflict", row, [{ field: "stock", reason }]);
    return null;
  }
  const there = new Set(inventory.locations.map(({ location }) => location));
  const lacking = levels.filter(({ location }) => location !== null && !there.has(location));
  if (lacking.length > 0) {
    return { at, product, levels: lacking, onHand: inventory.totalStock };
  }
  await amend(deps, row, inventory);
  return null;
}

async function inventoryOf(api: Api, { body }: SourceProduct): Promise<Inventory> {
  const path = `${BASE}/product/${body.productId}`;
  return shaped(Inventory, (await api.get(path)).body, path);
}

/**
 * Why the stock that is there is not this product's; null where it is, or where only locations are
 * missing that an earlier run did not come to.
 */
export function stockDifference(product: SourceProduct, inventory: Inventory): string | null {
  const [first] = product.levels;
  if (first === undefined || first.location === null) {
    const onHand = first?.onHand ?? 0;
    return inventory.totalStock === onHand ? null : differing(inventory.totalStock, onHand, "");
  }
  const here = new Map(product.levels.map(({ location, onHand }) => [location, onHand]));
  for (const { location, onHand } of inventory.locations) {
    const wanted = here.get(location) ?? 0;
    if (wanted !== onHand) return differing(onHand, wanted, ` at ${location}`);
  }
  const hasHome = inventory.locations.some(({ location }) => location === first.location);
  return hasHome || first.onHand === 0 ? null : differing(0, first.onHand, ` at ${first.location}`);
}

const differing = (there: number, here: number, where: string): string =>
  `is ${there} in Holdfast${where}, here ${here}`;

const ATTRIBUTES = [
  "name",
  "price",
  "lowStockThreshold",
  "reorderPoint",
  "reorderQuantity",
  "safetyStock",
  "maxPerCustomer",
] as const;

/** Attributes that the source names and Holdfast has otherwise. */
export function attributeDifferences({ body }: SourceProduct, inventory: Inventory) {
  return ATTRIBUTES.flatMap((field) =>
    body[field] === undefined || body[field] === inventory[field]
      ? []
      : [[field, body[field]] as const],
  );
}

/** Brings the attributes of a product that is there to what the source has. */
async function amend(deps: ProductDeps, row: Placed, inventory: Inventory): Promise<void> {
  const { api, report } = deps;
  const changes = attributeDifferences(row.product, inventory);
  if (changes.length === 0) {
    report.products.unchanged += 1;
    return;
  }
  const path = `${BASE}/product/${inventory.productId}`;
  const body = Object.fromEntries(changes);
  const { status, body: answer } = await api.send("PATCH", path, body, `${inventory.version}`);
  if (status !== 200) {
    failed(deps, "refused", row, errorsOf(answer));
    return;
  }
  report.products.amended += 1;
  const productId = inventory.productId;
  report.note({ outcome: "amended", subject: "product", ...row.at, productId, changes: body });
}

/**
 * Brings units to further locations, one location of each product a call. It is guarded by what the
 * product has before, so that a second run cannot bring them twice.
 */
async function addLevels(deps: ProductDeps, missing: readonly Missing[]): Promise<void> {
  let open = missing;
  while (open.length > 0) {
    const items = open.map(({ product, levels: [level], onHand }) => ({
      productId: product.body.productId,
      quantity: level?.onHand,
      type: "RESTOCK",
      location: level?.location,
      expectedQuantity: onHand,
      reason: "import",
    }));
    const { outcomes } = await deps.api.bulk(`${BASE}/bulk/adjust`, items);
    const next: Missing[] = [];
    for (const [index, row] of open.entries()) {
      const outcome = outcomes[index];
      const [level, ...levels] = row.levels;
      if (outcome?.status !== 200) {
        const where = level?.location ?? "";
        const errors = errorsOf(outcome);
        failed(
          deps,
          "refused",
          row,
          errors.map(({ reason }) => ({ field: "locations", reason: `${where}: ${reason}` })),
        );
      } else if (levels.length === 0) deps.report.products.imported += 1;
      else next.push({ ...row, levels, onHand: row.onHand + (level?.onHand ?? 0) });
    }
    open = next;
  }
}

function failed(
  { report, onFailed }: ProductDeps,
  word: "conflict" | "refused",
  { at, product }: Placed,
  errors: readonly RowError[],
): void {
  onFailed(product.body.productId);
  report.fail("product", word, at, errors);
}
