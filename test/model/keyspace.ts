/** What the model says Redis must hold, key by key, against what it holds; nothing more, nothing less. */
import { DEFAULT_RULE, type LocationRule } from "#inventory/model";
import type { JournalEntry } from "#inventory/ports";
import { decodeHold } from "#redis/hold-record";
import { decodeEntry } from "#redis/journal";
import {
  expiringKey,
  limitedKey,
  partitionTag,
  recordKey,
  journalKey,
  locationsKey,
  lowKey,
  metaKey,
  operationKey,
  reservationKey,
  returnKey,
  skuKey,
  stockKey,
} from "#redis/keys";
import { textOf } from "#model/campaigns";
import { expectedLimits } from "#model/limits";
import { same } from "#model/same";
import { encodeLimit } from "#redis/limit-record";
import type { NamedLimit } from "#inventory/limit-ports";
import { told } from "#model/verbs/locations";
import { compareWaitlist, lineOf } from "#model/waitlist";
import { decodeLocation, decodeRules } from "#redis/location-record";
import { decodeProduct } from "#redis/product-record";
import { entriesOf, fieldsOf, textsOf, type Seen, type SeenKey } from "#model/seen";
import {
  unreservedOf,
  holdOf,
  isLive,
  productOf,
  reservationOf,
  ruleOf,
  seqOf,
  type World,
} from "#model/world";

const HOUR_MS = 3_600_000;
/** How long the answers to keys and batches are kept, and ended holds by their state. */
const KEEP_MS = {
  operation: 24 * HOUR_MS,
  batch: HOUR_MS,
  return: HOUR_MS,
  CONFIRMED: 24 * HOUR_MS,
  CANCELLED: HOUR_MS / 4,
  EXPIRED: HOUR_MS / 4,
  ACTIVE: null,
};

/** Of a look: what Redis says of when a key ends is as old as that. */
const CLOCK_MS = 1_000;

/** Fields of a product besides those of its levels. */
const PRODUCT_FIELDS =
  "productId sku name price lowStockThreshold reorderPoint reorderQuantity safetyStock " +
  "maxPerCustomer home locations createdAt updatedAt lastRestocked seq";
const PRODUCT_FIELDS_COUNT = PRODUCT_FIELDS.split(" ").length;

/** What stands in a key that keeps an answer: the text that a script answered, word by word, as its hash. */
export interface Kept {
  readonly world: World;
  readonly meta: Readonly<Record<string, string>>;
  /** Keys of batches → hash of number and answer. */
  readonly batches: ReadonlyMap<string, string>;
  /** Idempotency-Keys → hash of both the request's hash and the answer. */
  readonly operations: ReadonlyMap<string, string>;
}

/** Compares one partition and takes its keys out of `left`. Throws at the first difference. */
export function comparePartition(
  seen: Seen,
  left: Set<string>,
  kept: Kept,
  entries: readonly JournalEntry[],
  sinceMs: number,
): void {
  const { world, meta, batches, operations } = kept;
  const { partition } = world;
  const take = (key: string, type: string, keepMs: number | null = null): SeenKey => {
    const found = seen.keys.get(key);
    if (!found) throw new Error(`${key} is missing`);
    left.delete(key);
    same(`type of ${key}`, found.type, type);
    const isKept = keepMs === null ? found.ttlMs === -1 : isNear(found.ttlMs, keepMs, sinceMs);
    if (!isKept) throw new Error(`${key} lives ${found.ttlMs} ms more`);
    return found;
  };
  const { locations: rules, limits, ...fields } = fieldsOf(take(metaKey(partition), "hash"));
  same("meta", fields, { ...meta, ...numbersOf(world) });
  compareRegistry(world, rules, take);
  compareProducts(world, take);
  compareWaitlist(world, take);
  if (world.campaigns.size > 0) {
    const texts = Array.from(world.campaigns, ([id, it]) => [id, textOf(it)] as const);
    const found = fieldsOf(take(recordKey(partition, "campaign"), "hash"));
    same("campaigns", found, Object.fromEntries(texts));
  }
  compareLimits(world, limits, take);
  compareCounts(world, seen, left);
  for (const [owner, seq] of world.returns) {
    const { value } = take(returnKey(partition, owner), "string", KEEP_MS.return);
    same(`return of ${owner}`, value, String(seq));
  }
  const owners = new Set(world.holds.map(({ owner }) => owner));
  for (const owner of owners) {
    const hold = holdOf(world, owner);
    if (!hold) throw new Error("an owner without a hold");
    const record = reservationOf(world, hold);
    const { value } = take(reservationKey(partition, owner), "string", KEEP_MS[record.status]);
    same(`hold of ${owner}`, decodeHold(partition, owner, String(value)), record);
  }
  compareDue(world, take);
  for (const [key, hash] of operations) {
    const { value } = take(operationKey(partition, key), "string", KEEP_MS.operation);
    same(`operation ${key}`, value, hash);
  }
  for (const [key, hash] of batches) {
    same(key, take(key, "string", KEEP_MS.batch).value, hash);
  }
  if (seqOf(world) === 0) return;
  const journal = entriesOf(take(journalKey(partition), "stream"));
  same("entries of the journal", journal.length, entries.length);
  entries.forEach((entry, i) => {
    const [id = "", texts = []] = journal[i] ?? [];
    same(`journal entry ${id}`, byId(decodeEntry(partition, id, texts)), byId(entry));
  });
}

type Take = (key: string, type: string, keepMs?: number | null) => SeenKey;

function compareProducts(world: World, take: Take): void {
  const low = new Map<string, number>();
  for (const product of world.products.values()) {
    const { productId, attributes } = product;
    const fields = fieldsOf(take(stockKey(world.partition, productId), "hash"));
    const expected = productOf(product);
    same(`product ${productId}`, decodeProduct(fields, world.registry), expected);
    const added = product.limitSince === undefined ? 0 : 1;
    const waiting = lineOf(world, productId).length;
    same(
      `how many wait for ${productId}`,
      fields["waiting"],
      waiting > 0 ? String(waiting) : undefined,
    );
    const own = added + (waiting > 0 ? 1 : 0);
    const count = PRODUCT_FIELDS_COUNT + own + 2 * expected.levels.length;
    same(`fields of product ${productId}`, Object.keys(fields).length, count);
    const units = unreservedOf(product);
    if (units <= attributes.lowStockThreshold) low.set(productId, units);
  }
  if (low.size === 0) return;
  const scored = textsOf(take(lowKey(world.partition), "zset"));
  const members = scored.flatMap((member, i) =>
    i % 2 === 0 ? [[member, Number(scored[i + 1])] as const] : [],
  );
  same("low set", new Map(members), low);
}

/** Records of limits with a name, and what is found by product. */
function compareLimits(world: World, ofAll: string | undefined, take: Take): void {
  const { limits, partition } = world;
  same("whether there are limits", ofAll !== undefined, limits.size > 0);
  if (limits.size === 0) return;
  const all = [...limits.values()];
  const texts = Object.fromEntries(all.map((it) => [it.limitId, encodeLimit(it)]));
  same("records of limits", fieldsOf(take(recordKey(partition, "limit"), "hash")), texts);
  const names = (found: readonly NamedLimit[]) => found.map(({ limitId }) => limitId).join(",");
  same("limits over all", ofAll, names(all.filter(({ products }) => products === "all")));
  const named = all.flatMap((it) => (it.products === "all" ? [] : it.products));
  if (named.length === 0) return;
  const limited = named.map((id) => {
    const over = all.filter(({ products }) => products !== "all" && products.includes(id));
    return [id, names(over)] as const;
  });
  const found = fieldsOf(take(limitedKey(partition), "hash"));
  same("limits by product", found, Object.fromEntries(limited));
}

/** Counts of earlier windows, and of campaigns that are over, are looked at by nobody, and end by themselves. */
function compareCounts(world: World, seen: Seen, left: Set<string>): void {
  const tag = partitionTag(world.partition);
  const expected = new Map(expectedLimits(world).map((it) => [it.key, it]));
  for (const [key, { fields, endsAt }] of expected) {
    const found = seen.keys.get(key);
    left.delete(key);
    if (!found && endsAt !== null && endsAt <= seen.time) continue;
    same(key, found && fieldsOf(found), fields);
    same(`whether ${key} ends`, found?.ttlMs !== -1, endsAt !== null);
  }
  const windows = new RegExp(
    `^${RegExp.escape(tag)}limit:(?:[^:]+:\\d+|campaign:[^:]+:[^:]+:always)$`,
  );
  for (const key of left) {
    const { ttlMs = -1 } = seen.keys.get(key) ?? {};
    const isEarlier = ttlMs !== -1 && seen.time + ttlMs <= world.lastNow + CLOCK_MS;
    if (windows.test(key) && isEarlier) left.delete(key);
  }
}

/** What is said of each location, and the rules of those that are not as any other. */
function compareRegistry(world: World, rules: string | undefined, take: Take): void {
  const { registry, partition } = world;
  same("whether there are rules", rules !== undefined, registry.size > 0);
  if (registry.size === 0) return;
  const records = fieldsOf(take(locationsKey(partition), "hash"));
  const locations = Array.from(registry, ([location, journaled]) => {
    same(
      `location ${location}`,
      decodeLocation(location, records[location] ?? ""),
      told(journaled),
    );
    return [location, ruleOf(registry, location)] as const;
  });
  same("registered locations", Object.keys(records).length, registry.size);
  const strange = locations.filter(([, rule]) => !Bun.deepEquals(rule, DEFAULT_RULE));
  same("rules", decodeRules(rules ?? ""), new Map<string, LocationRule>(strange));
}

function compareDue(world: World, take: Take): void {
  const lists = new Map<number, string[]>();
  for (const { second, owner } of world.due) {
    lists.set(second, [...(lists.get(second) ?? []), owner]);
  }
  for (const [second, owners] of lists) {
    const list = textsOf(take(expiringKey(world.partition, second), "list"));
    same(`due list of ${second}`, list, owners);
  }
  for (const hold of world.holds) {
    if (hold.dueSecond === null) continue;
    const isListed = lists.get(hold.dueSecond)?.includes(hold.owner);
    if (isLive(hold) && isListed !== true) throw new Error("the model lost a due time");
  }
}

const numbersOf = (world: World): Record<string, string> => {
  return {
    epoch: String(world.epoch),
    seq: String(seqOf(world)),
    lastNow: String(world.lastNow),
    swept: String(world.swept),
    drained: String(world.drained),
  };
};

/** The claims of SKUs: text of each, as far as it is known. */
export function compareClaims(
  seen: Seen,
  left: Set<string>,
  claims: ReadonlyMap<string, string>,
): void {
  for (const [sku, holder] of claims) {
    const found = seen.keys.get(skuKey(sku));
    left.delete(skuKey(sku));
    if (found?.ttlMs !== -1) throw new Error(`the claim of ${sku} is missing, or goes by itself`);
    const [productId, at = ""] = String(found.value).split("\t");
    same(`claim of ${sku}`, productId, holder);
    if (!/^\d{13}$/.test(at) || Number(at) > seen.time) throw new Error(`${sku}: claimed at ${at}`);
  }
}

const isNear = (ttlMs: number, keepMs: number, sinceMs: number): boolean =>
  ttlMs <= keepMs && ttlMs >= keepMs - sinceMs;

/** An entry with its holds and products by id: their order tells nothing. */
const byId = ({ reservations, products, locations, operations, ...entry }: JournalEntry) => {
  return {
    ...entry,
    records: new Map(entry.records.map((kept) => [kept.id, kept])),
    reservations: new Map(reservations.map((hold) => [hold.reservationId, hold])),
    counts: [reservations, products, locations, operations, entry.records].map(
      ({ length }) => length,
    ),
    operations: new Map(operations.map((kept) => [kept.key, kept])),
    locations: new Map(locations.map((registered) => [registered.location, registered])),
    products: new Map(products.map((product) => [product.productId, product])),
  };
};
