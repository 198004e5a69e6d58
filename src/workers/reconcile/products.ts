/** Products of Redis against the levels of the ledger, the low set and the claims of SKUs. */
import type { Repair } from "#inventory/reconcile-repairs";
import type { LedgerLevel } from "#inventory/ledger-snapshot";
import {
  ATTRIBUTES,
  type Attributes,
  type StoredLevel,
  type StoredProduct,
} from "#inventory/reconcile-sides";
import {
  chunksOf,
  isAskedFor,
  LOOKS_MAX,
  settle,
  type Comparison,
  type Mendable,
} from "#workers/reconcile/comparison";
import { compareLimits } from "#workers/reconcile/limits";
import { tellUnreadable } from "#workers/reconcile/unreadable";
import { doubtOf, unless } from "#workers/reconcile/doubt";

/** Products of one read: about 1 ms of Redis, which serves nobody else meanwhile. */
const CHUNK_PRODUCTS = 200;
/** Levels of one page of the ledger. */
const PAGE_LEVELS = 1_000;

/** Every product that the ledger knows; those that Redis alone has are met on the walk over its keys. */
export async function checkProducts(run: Comparison, doubtful: ReadonlySet<string>): Promise<void> {
  const { scope, stock, ledger, partitions } = run;
  if (scope.kind === "products") {
    for (const partition of partitions) {
      const own = scope.productIds.filter((id) => stock.partitionOf(id) === partition);
      for (const ids of chunksOf(own, CHUNK_PRODUCTS)) {
        await compareProducts(run, partition, ids, doubtful);
      }
    }
    return;
  }
  const total = Math.max(1, await ledger.productCount());
  let done = 0;
  for (let after = ""; ;) {
    const ids = await ledger.productIds(after, PAGE_LEVELS);
    const byPartition = Map.groupBy(ids, (id) => stock.partitionOf(id));
    // Chunks of one page wait for the ledger together.
    const comparisons = partitions.flatMap((partition) =>
      chunksOf(byPartition.get(partition) ?? [], CHUNK_PRODUCTS).map((chunk) =>
        compareProducts(run, partition, chunk, doubtful),
      ),
    );
    await Promise.all(comparisons);
    done += ids.length;
    await run.advance("products", Math.min(1, done / total));
    const last = ids.at(-1);
    if (last === undefined) break;
    after = last;
  }
  for (const partition of partitions) await checkLowMembers(run, partition);
}

/** Of products that were met in Redis: those that the ledger does not know. */
export async function checkUnknownProducts(
  run: Comparison,
  partition: number,
  productIds: readonly string[],
  doubtful: ReadonlySet<string>,
): Promise<void> {
  for (const ids of chunksOf(productIds, CHUNK_PRODUCTS)) {
    const { seq } = await run.stock.moment(partition);
    await run.follow(partition, seq);
    const unknown = await run.ledger.unknownProducts(partition, ids);
    await compareProducts(run, partition, unknown, doubtful);
  }
}

async function compareProducts(
  run: Comparison,
  partition: number,
  productIds: readonly string[],
  doubtful: ReadonlySet<string>,
): Promise<void> {
  const { stock, ledger, follow, findings } = run;
  let left: readonly string[] = productIds;
  let found: Mendable[] = [];
  const limited = new Set<string>();
  // What differs is looked at again, with all that happened meanwhile: what stays is no accident.
  for (let look = 0; look < LOOKS_MAX && left.length > 0; look += 1) {
    const { at, found: stored } = await stock.products(partition, left);
    await follow(partition, at.seq);
    const levels = Map.groupBy(
      await ledger.levelsAt(partition, left, at.seq),
      ({ productId }) => productId,
    );
    const attributes = await ledger.attributes(left);
    const skus = left.map((productId) => attributes.get(productId)?.attributes.sku ?? "");
    const holders = await stock.skuHolders(skus);
    const all = left.map((productId, i) => {
      const product = stored[i] ?? null;
      const counted = doubtful.has(productId)
        ? []
        : countersOf(partition, productId, product, levels.get(productId) ?? []);
      const known = attributes.get(productId);
      // Where the ledger is ahead of what was read, the next comparison judges.
      const named = known !== undefined && known.seq <= at.seq ? known.attributes : null;
      if (named?.maxPerCustomer && product?.attributes.maxPerCustomer) limited.add(productId);
      const amended = doubtful.has(productId) ? [] : attributesOf(partition, product, named);
      const claim = { sku: named?.sku ?? null, holder: holders[i] ?? null };
      const claimed = doubtful.has(productId) ? [] : claimOf(partition, product, claim);
      const record = recordOf(partition, product);
      return [...counted, ...amended, ...record, ...claimed, ...placeOf(partition, product)];
    });
    if (look === 0) {
      if (run.scope.kind === "products") {
        const unknown = left.filter(
          (id, i) => !stored[i] && !levels.has(id) && !attributes.has(id),
        );
        findings.unknownProductIds.push(...unknown);
      }
      findings.looked("products", stored.filter((product) => product !== null).length);
    }
    left = left.filter((_, i) => (all[i] ?? []).length > 0);
    found = all.flat();
  }
  if (found.length + limited.size === 0) return;
  const doubt = await doubtOf(run, partition, doubtful);
  for (const one of found) {
    // Of its place in the low set Redis alone tells.
    if (one.found.kind === "low") await settle(run, one);
    else if (!doubt.hasProduct(one.found.productId ?? "")) {
      await settle(run, unless(doubt.ofCounts, one));
    }
  }
  await compareLimits(run, partition, [...limited], doubt, (id) => doubtful.has(id));
}

const NO_LEVEL = { onHand: 0, reserved: 0 };
const told = (level: Omit<StoredLevel, "location"> | null): string | null =>
  level && `${level.onHand ?? "nothing"} on hand, ${level.reserved ?? "nothing"} reserved`;

function countersOf(
  partition: number,
  productId: string,
  product: StoredProduct | null,
  levels: readonly LedgerLevel[],
): Mendable[] {
  const stored = new Map(product?.levels.map((level) => [level.location, level]));
  const known = new Map(levels.map((level) => [level.location, level]));
  const base = { kind: "counter" as const, partition, productId, reservationId: null };
  return [...new Set([...stored.keys(), ...known.keys()])].flatMap((location) => {
    const redis = stored.get(location) ?? null;
    const ledger = known.get(location) ?? null;
    // A level that is not there yet is as one that is empty.
    const [one, other] = [redis ?? NO_LEVEL, ledger ?? NO_LEVEL];
    const isSame = one.onHand === other.onHand && one.reserved === other.reserved;
    if (isSame && product !== null) return [];
    const cause =
      product === null
        ? "the product is not in Redis"
        : levels.length === 0
          ? "the ledger does not know the product"
          : "it changed without a record";
    const found = { ...base, location, redis: told(redis), ledger: told(ledger), cause };
    return [{ found, repair: repairOf(partition, product, redis, ledger) }];
  });
}

/** Counts go back to what the ledger says; what one side does not know at all is for a person. */
function repairOf(
  partition: number,
  product: StoredProduct | null,
  redis: StoredLevel | null,
  ledger: LedgerLevel | null,
): Repair | null {
  if (product === null || product.seq === null || ledger === null) return null;
  const { productId, location, onHand, reserved } = ledger;
  const level = { partition, productId, location, onHand, reserved };
  const found = told(redis) ?? "nothing";
  return { side: "counter", level, productSeq: product.seq, found };
}

/** Attributes go back to what the ledger says; a product that one side lacks is told of by its counts. */
function attributesOf(
  partition: number,
  product: StoredProduct | null,
  named: Attributes | null,
): Mendable[] {
  if (product === null || named === null) return [];
  const { productId, seq, attributes } = product;
  const differing = ATTRIBUTES.filter((name) => !isSame(name, named[name], attributes[name]));
  if (differing.length === 0) return [];
  const of = (side: Attributes) =>
    differing.map((name) => `${name} ${JSON.stringify(side[name] ?? null)}`).join(", ");
  const base = { partition, productId, location: null, reservationId: null };
  const cause = `${differing.join(", ")} changed without a record`;
  const wanted = Object.fromEntries(differing.map((name) => [name, named[name] ?? ""]));
  return [
    {
      found: { ...base, kind: "product", redis: of(attributes), ledger: of(named), cause },
      repair:
        seq === null
          ? null
          : { side: "product", partition, productId, productSeq: seq, attributes: wanted },
    },
  ];
}

/** What the next change of its stock writes anew, or a restore; until then nobody can read it. */
function recordOf(partition: number, product: StoredProduct | null): Mendable[] {
  if (product === null || product.unreadable.length === 0) return [];
  const { productId, unreadable } = product;
  const cause = `${unreadable.join(", ")} cannot be read`;
  const sides = { location: null, reservationId: null, redis: unreadable.join(", "), ledger: null };
  return [{ found: { kind: "product", partition, productId, ...sides, cause }, repair: null }];
}

/** A price may be written in more than one way; a product that was never amended lacks `limitSince`. */
const isSame = (name: string, one: string | undefined, other: string | undefined): boolean =>
  one === other ||
  (name === "price" && !!one && !!other && Number(one) === Number(other)) ||
  (name === "limitSince" && !one && !other);

/** The SKU that the ledger says it has, and who claims that. */
function claimOf(
  partition: number,
  product: StoredProduct | null,
  { sku, holder }: { readonly sku: string | null; readonly holder: string | null },
): Mendable[] {
  if (product === null || sku === null || sku === "" || holder === product.productId) return [];
  const { productId } = product;
  const base = { kind: "sku" as const, partition, productId, location: null, reservationId: null };
  const cause = `SKU ${sku} is ${holder === null ? "not claimed" : `claimed for ${holder}`}`;
  return [
    {
      found: { ...base, redis: holder, ledger: sku, cause },
      repair: { side: "sku", sku, productId },
    },
  ];
}

function placeOf(partition: number, product: StoredProduct | null): Mendable[] {
  if (product === null) return [];
  const { productId, low, levels } = product;
  const isReadable = levels.every(({ onHand, reserved }) => onHand !== null && reserved !== null);
  if (!isReadable || low.found === low.expected) return [];
  const base = { partition, productId, location: null, reservationId: null, ledger: null };
  const cause = low.expected === null ? "it is not low" : `it is low: ${low.expected} are left`;
  const redis = low.found === null ? null : `${low.found}`;
  return [
    {
      found: { ...base, kind: "low", redis, cause },
      repair: { side: "low", partition, productId },
    },
  ];
}

/** Members of the low set that are no product. */
async function checkLowMembers(run: Comparison, partition: number): Promise<void> {
  for (let cursor: string | null = "0"; cursor !== null;) {
    const page = await run.stock.lowMembers(partition, cursor);
    if (page.unreadable !== null) await tellUnreadable(run, partition, page.unreadable);
    for (const name of page.strange) {
      await tellUnreadable(run, partition, name, "is a member of the low set and no product");
    }
    for (const ids of chunksOf(page.productIds, CHUNK_PRODUCTS)) {
      const { found } = await run.stock.products(partition, ids);
      for (const [i, productId] of ids.entries()) {
        if (found[i] !== null || !isAskedFor(run, productId)) continue;
        const base = { partition, productId, location: null, reservationId: null, ledger: null };
        const cause = "there is no such product";
        await settle(run, {
          found: { ...base, kind: "low", redis: "a member", cause },
          repair: { side: "low", partition, productId },
        });
      }
    }
    cursor = page.next;
  }
}
