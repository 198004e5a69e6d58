/** Redis as a comparison with the ledger reads it: many records at one moment, in bounded chunks. */
import type { Redis } from "ioredis";
import { z } from "zod";
import { Fault } from "#inventory/faults";
import { PRODUCT_ID_PATTERN, type RegisteredLocation } from "#inventory/model";
import {
  ATTRIBUTES,
  type KeyStep,
  type ReconcileStock,
  type StockMoment,
  type StoredHold,
  type StoredLocation,
  type StoredProduct,
  type StoredRegistry,
} from "#inventory/reconcile-sides";
import { createPace } from "#lib/pace";
import { asking } from "#redis/client";
import { decodeHold } from "#redis/hold-record";
import { decodeLocation, decodeRules, encodeRules } from "#redis/location-record";
import { decodeEntries } from "#redis/journal";
import {
  expiringKey,
  journalKey,
  locationsKey,
  lowKey,
  metaKey,
  recordKey,
  partitionTag,
  reservationKey,
  skuKey,
  stockKey,
} from "#redis/keys";
import { partitionOf } from "#redis/partition";
import { countOf, limitLooks } from "#redis/reconcile-limit";
import { lineLooks } from "#redis/reconcile-line";
import { recorded, recordedCount } from "#redis/recorded";

/** Keys looked at by one step: well under 1 ms of Redis. */
const SCAN_KEYS = 1_000;
/**
 * Products and holds that are read a second: some 9 µs of Redis each (bench/reconcile.ts), so that a
 * comparison takes a twentieth of its time, however fast the ledger answers.
 */
const RECORDS_A_SECOND = 5_000;
/** A small store is compared at once. */
const RECORDS_AT_ONCE = 5_000;
/** Entries of a due list or the low set that one command answers. */
const PAGE_ENTRIES = 1_000;

const Meta = z.tuple([
  z.string().nullable(),
  z.string().nullable(),
  z.string().nullable(),
  z.string().nullable(),
]);

export interface ReconcileStockOptions {
  /** A connection of its own: reads of a thousand records are no company for a batch. */
  readonly redis: Redis;
  readonly partitions: number;
  readonly storeId: string;
}

export function createReconcileStock(options: ReconcileStockOptions): ReconcileStock {
  const { redis, partitions } = options;
  const pace = createPace({ perSecond: RECORDS_A_SECOND, burst: RECORDS_AT_ONCE });

  /** Runs commands and a look at meta as one transaction. */
  const atOnce = async (
    partition: number,
    commands: readonly (readonly string[])[],
  ): Promise<{ at: StockMoment; replies: unknown[] }> => {
    const meta = ["hmget", metaKey(partition), "storeId", "seq", "swept", "fence"];
    const replies = await asking(() =>
      redis.multi([meta, ...commands].map((it) => [...it])).exec(),
    );
    if (replies === null) throw new Error("a transaction of reads was given up");
    const [first, ...rest] = replies.map(([error, value]) => error ?? value);
    return { at: momentOf(partition, options.storeId, first), replies: rest };
  };
  /** What a walk over several commands starts and ends with: the partition must be ours. */
  const moment = async (partition: number): Promise<StockMoment> =>
    (await atOnce(partition, [])).at;

  return {
    partitions,
    partitionOf: (productId) => partitionOf(productId, partitions),
    moment,
    async products(partition, productIds) {
      await pace(productIds.length);
      if (productIds.length === 0) return { at: await moment(partition), found: [] };
      const hashes = productIds.map((id) => ["hgetall", stockKey(partition, id)]);
      const scores = ["zmscore", lowKey(partition), ...productIds];
      const { at, replies } = await atOnce(partition, [scores, ...hashes]);
      const [low, ...products] = replies;
      const scoreOf = (i: number): unknown => (Array.isArray(low) ? low[i] : low);
      return { at, found: productIds.map((id, i) => productOf(id, products[i], scoreOf(i))) };
    },
    ...limitLooks(redis, { atOnce, pace }),
    async registry(partition) {
      const { at, replies } = await atOnce(partition, [
        ["hgetall", locationsKey(partition)],
        ["hget", metaKey(partition), "locations"],
      ]);
      return { at, found: registryOf(replies[0], replies[1]) };
    },
    async keptIds(partition, kind, cursor) {
      const key = recordKey(partition, kind);
      const command = () => redis.hscan(key, cursor, "COUNT", PAGE_ENTRIES);
      const page = await ofItsType(() => asking(command));
      if (page === null) return { next: null, ids: [], unreadable: key };
      const [next, flat] = page;
      const ids = flat.filter((_, i) => i % 2 === 0);
      return { next: next === "0" ? null : next, ids, unreadable: null };
    },
    ...lineLooks(redis, options.storeId),
    async keptTexts(partition, kind, ids) {
      await pace(ids.length);
      const command = ["hmget", recordKey(partition, kind), ...ids];
      const { at, replies } = await atOnce(partition, [command]);
      const [found] = replies;
      const textOf = (i: number): string | null => {
        const text: unknown = Array.isArray(found) ? found[i] : null;
        return typeof text === "string" ? text : null;
      };
      return { at, texts: ids.map((_, i) => textOf(i)) };
    },
    async skuHolders(skus) {
      const pipeline = redis.pipeline();
      const asked = [...new Set(skus)].filter((sku) => sku !== "");
      for (const sku of asked) pipeline.get(skuKey(sku));
      const replies = asked.length === 0 ? [] : await asking(() => pipeline.exec());
      const holders = new Map(
        asked.map((sku, i) => {
          const claim = replies?.[i]?.[1];
          return [sku, typeof claim === "string" ? (claim.split("\t")[0] ?? null) : null];
        }),
      );
      return skus.map((sku) => holders.get(sku) ?? null);
    },
    async skuClaims(cursor) {
      const [next, keys] = await asking(() =>
        redis.scan(cursor, "MATCH", `${skuKey("")}*`, "COUNT", SCAN_KEYS),
      );
      const [seconds] = await asking(() => redis.time());
      const pipeline = redis.pipeline();
      for (const key of keys) pipeline.get(key);
      const replies = keys.length === 0 ? [] : await asking(() => pipeline.exec());
      const all = keys.map((key, i) => claimOf(key, replies?.[i], Number(seconds) * 1_000));
      return {
        next: next === "0" ? null : next,
        claims: all.flatMap((claim) => (typeof claim === "string" ? [] : (claim ?? []))),
        unreadable: all.filter((claim) => typeof claim === "string"),
      };
    },
    async keys(partition, cursor): Promise<KeyStep> {
      const match = `${partitionTag(partition)}*`;
      const [next, keys] = await asking(() =>
        redis.scan(cursor, "MATCH", match, "COUNT", SCAN_KEYS),
      );
      const products = namesBehind(stockKey(partition, ""), keys, isProduct);
      const holds = namesBehind(reservationKey(partition, ""), keys, isOwner);
      return {
        next: next === "0" ? null : next,
        productIds: products.names,
        owners: holds.names,
        strange: [...products.strange, ...holds.strange],
      };
    },
    async holds(partition, owners) {
      await pace(owners.length);
      const commands = owners.map((owner) => ["get", reservationKey(partition, owner)]);
      const { at, replies } = await atOnce(partition, commands);
      return { at, found: owners.map((owner, i) => holdOf(partition, owner, replies[i])) };
    },
    async dueList(partition, second) {
      const listed = new Set<string>();
      const key = expiringKey(partition, second);
      for (let from = 0; ; from += PAGE_ENTRIES) {
        const command = () => redis.lrange(key, from, from + PAGE_ENTRIES - 1);
        const page = await ofItsType(() => asking(command));
        if (page === null) return { listed, unreadable: key };
        for (const owner of page) listed.add(owner);
        if (page.length < PAGE_ENTRIES) return { listed, unreadable: null };
      }
    },
    async dueHold(partition, owner, second) {
      const { at, replies } = await atOnce(partition, [
        ["get", reservationKey(partition, owner)],
        ["lpos", expiringKey(partition, second), owner],
      ]);
      const found = holdOf(partition, owner, replies[0]);
      return { at, found, isListed: typeof replies[1] === "number" };
    },
    async lowMembers(partition, cursor) {
      const key = lowKey(partition);
      const command = () => redis.zscan(key, cursor, "COUNT", PAGE_ENTRIES);
      const page = await ofItsType(() => asking(command));
      if (page === null) return { next: null, productIds: [], strange: [], unreadable: key };
      const [next, flat] = page;
      const { names, strange } = sorted(
        flat.filter((_, i) => i % 2 === 0),
        isProduct,
      );
      return { next: next === "0" ? null : next, productIds: names, strange, unreadable: null };
    },
    async journaled(partition, epoch, seq) {
      const from = `${epoch}-${seq}`;
      const reply = await asking(() => redis.xrange(journalKey(partition), from, "+", "COUNT", 1));
      const [entry] = decodeEntries(partition, reply);
      return entry?.movements.find((it) => it.seq === seq && it.epoch === epoch) ?? null;
    },
  };
}

function momentOf(partition: number, expected: string, reply: unknown): StockMoment {
  const [storeId, seq, swept, fence] = Meta.parse(reply);
  if (storeId !== null && storeId !== expected) {
    throw fenced(`Redis holds the data of another store in partition ${partition}`);
  }
  if (fence !== null) throw fenced(`partition ${partition} is fenced (${fence})`);
  return {
    seq: recordedCount(seq ?? "0", "seq"),
    swept: recordedCount(swept ?? "0", "swept"),
  };
}

const fenced = (message: string): Fault => new Fault("partition_fenced", message);

/** null: the key is of another type. */
async function ofItsType<Reply>(question: () => Promise<Reply>): Promise<Reply | null> {
  try {
    return await question();
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("WRONGTYPE")) return null;
    throw error;
  }
}

const isProduct = (name: string): boolean => PRODUCT_ID_PATTERN.test(name);
const isOwner = (name: string): boolean => /^[0-9a-f]{32}$/.test(name);

function sorted(names: readonly string[], isOne: (name: string) => boolean) {
  return {
    names: names.filter(isOne),
    strange: names.filter((name) => !isOne(name)),
  };
}

function namesBehind(prefix: string, keys: readonly string[], isOne: (name: string) => boolean) {
  const own = keys.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
  const { names, strange } = sorted(own, isOne);
  return { names, strange: strange.map((name) => `${prefix}${name}`) };
}

/** A key: what stands there is no claim; null: it is gone by now. */
function claimOf(key: string, reply: [Error | null, unknown] | undefined, now: number) {
  const [error = null, text = null] = reply ?? [];
  if (error === null && text === null) return null;
  const [, productId = "", at = ""] = /^([^\t]+)\t(\d{1,15})$/.exec(String(text)) ?? [];
  if (error !== null || typeof text !== "string" || !isProduct(productId)) return key;
  return { sku: key.slice(skuKey("").length), productId, ageMs: now - Number(at), text };
}

/** Each change writes the first two; where nothing ever came, the last is empty. */
const COUNTS = ["seq", "updatedAt", "lastRestocked"] as const;

/** Reads what stands there, whatever it is: a record that is damaged is what is looked for. */
function productOf(productId: string, reply: unknown, score: unknown): StoredProduct | null {
  if (typeof reply !== "object" || reply === null || reply instanceof Error) return null;
  const fields = new Map(
    Object.entries(reply).map(([name, value]): [string, string] => [name, String(value)]),
  );
  if (fields.size === 0) return null;
  const locations = (fields.get("locations") ?? "").split(",").filter((name) => name !== "");
  const levels = locations.map((location) => ({
    location,
    onHand: countOf(fields.get(`onHand:${location}`)),
    reserved: countOf(fields.get(`reserved:${location}`)),
  }));
  const safety = countOf(fields.get("safetyStock")) ?? 0;
  const threshold = countOf(fields.get("lowStockThreshold")) ?? 0;
  const unreserved = levels.reduce(
    (sum, level) => sum + (level.onHand ?? 0) - (level.reserved ?? 0),
    -safety,
  );
  return {
    productId,
    seq: countOf(fields.get("seq")),
    sku: fields.get("sku") ?? null,
    attributes: Object.fromEntries(ATTRIBUTES.map((name) => [name, fields.get(name)])),
    unreadable: COUNTS.filter((name) => {
      const text = fields.get(name);
      return countOf(text) === null && !(name === "lastRestocked" && text === "");
    }),
    levels,
    low: {
      found: score === null || score instanceof Error ? null : Number(score),
      // A set that cannot be read is told of once, not for each that should be in it.
      expected: unreserved <= threshold && !(score instanceof Error) ? unreserved : null,
    },
  };
}

function registryOf(reply: unknown, rules: unknown): StoredRegistry {
  const texts = Object.entries(typeof reply === "object" && reply !== null ? reply : {});
  const records = new Map(
    texts.map(([name, value]): [string, StoredLocation] => [name, locationOf(name, String(value))]),
  );
  const known = [...records.values()].flatMap(({ location }) => location ?? []);
  const text = typeof rules === "string" ? rules : "";
  return { records, rules: text, isRuled: isRuledBy(text, known) };
}

function locationOf(name: string, text: string): StoredLocation {
  try {
    return { text, location: decodeLocation(recorded(name), text) };
  } catch {
    return { text, location: null };
  }
}

/** Rules stand in the order in which they changed. */
function isRuledBy(rules: string, known: readonly RegisteredLocation[]): boolean {
  try {
    return Bun.deepEquals(decodeRules(rules), decodeRules(encodeRules(known)));
  } catch {
    return false;
  }
}

function holdOf(partition: number, owner: string, reply: unknown): StoredHold | null {
  // What is of another type stands there as well, and no record can be read of it.
  if (reply instanceof Error) return { text: "", hold: null };
  if (typeof reply !== "string") return null;
  try {
    return { text: reply, hold: decodeHold(partition, owner, reply) };
  } catch {
    return { text: reply, hold: null };
  }
}
