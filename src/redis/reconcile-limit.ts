/** What each customer has under limits, as a comparison with the ledger reads it. */
import type { Redis } from "ioredis";
import type { CampaignId } from "#inventory/campaigns";
import type { LimitWindow, RecordedRule } from "#inventory/limit-ports";
import type {
  ReconcileStock,
  StockMoment,
  StoredLimit,
  StoredNamedLimit,
} from "#inventory/reconcile-sides";
import { decodeCampaign } from "#redis/campaign-record";
import { asking } from "#redis/client";
import { limitedKey, limitKey, metaKey, recordKey, ruleKey, stockKey } from "#redis/keys";
import { indexOf, readableLimits } from "#redis/limit-record";
import { recorded, recordedFields } from "#redis/recorded";

/** Customers that one command answers. */
const PAGE_ENTRIES = 1_000;

/** null: it is no count. */
export const countOf = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;

interface Looks {
  readonly atOnce: (
    partition: number,
    commands: readonly (readonly string[])[],
  ) => Promise<{ at: StockMoment; replies: unknown[] }>;
  readonly pace: (records: number) => Promise<void>;
}

type Limits = Pick<ReconcileStock, "limit" | "namedLimits" | "limitedCampaigns" | "recordedLimit">;

export const limitLooks = (redis: Redis, looks: Looks): Limits => {
  return {
    limit: (partition, productId) => readLimit(redis, looks, partition, productId),
    namedLimits: (partition) => readNamedLimits(looks, partition),
    limitedCampaigns: (partition) => readLimitedCampaigns(looks, partition),
    recordedLimit: (partition, rule, window) =>
      readRecordedLimit(redis, looks, partition, rule, window),
  };
};

/** Page by page: it is of one moment where the product has not changed meanwhile. */
async function readLimit(
  redis: Redis,
  looks: Looks,
  partition: number,
  productId: string,
): Promise<StoredLimit | null> {
  const key = limitKey(partition, productId);
  const seqNow = ["hget", stockKey(partition, productId), "seq"];
  const found = await readCounts(redis, looks, partition, {
    key,
    commands: [seqNow],
    versionOf: ([seq]) => (typeof seq === "string" ? countOf(seq) : null),
  });
  return found && { at: found.at, productSeq: found.version, counts: found.counts };
}

/** The same where neither the record nor one of its products has changed. */
async function readRecordedLimit(
  redis: Redis,
  looks: Looks,
  partition: number,
  { kind, recordId, rule, products, text }: RecordedRule,
  window: LimitWindow,
): Promise<StoredNamedLimit | null> {
  await looks.pace(products === "all" ? 1 : products.length);
  const seqs =
    products === "all" ? [] : products.map((id) => ["hget", stockKey(partition, id), "seq"]);
  const found = await readCounts(redis, looks, partition, {
    key: ruleKey(partition, rule, window.name),
    commands: [["hget", recordKey(partition, kind), recordId], ...seqs],
    versionOf([record, ...replies], { seq }) {
      if (record !== text) return null;
      if (products === "all") return seq;
      return Math.max(...replies.map((reply) => (typeof reply === "string" ? Number(reply) : 0)));
    },
  });
  return found && { at: found.at, seq: found.version, counts: found.counts };
}

interface Counted {
  readonly key: string;
  /** What tells whether anything changed meanwhile. */
  readonly commands: readonly (readonly string[])[];
  readonly versionOf: (replies: readonly unknown[], at: StockMoment) => number | null;
}

async function readCounts(
  redis: Redis,
  { atOnce, pace }: Looks,
  partition: number,
  { key, commands, versionOf }: Counted,
): Promise<{ at: StockMoment; version: number; counts: StoredLimit["counts"] } | null> {
  const look = async () => {
    const { at, replies } = await atOnce(partition, [["type", key], ...commands]);
    const [type, ...rest] = replies;
    return { at, type, version: versionOf(rest, at) };
  };
  const { at, version, type } = await look();
  if (version === null) return null;
  if (type !== "hash" && type !== "none") return { at, version, counts: key };
  const counts = new Map<string, number>();
  for (let cursor: string | null = "0"; cursor !== null;) {
    await pace(1);
    const from: string = cursor;
    const [next, page] = await asking(() => redis.hscan(key, from, "COUNT", PAGE_ENTRIES));
    for (let i = 0; i < page.length; i += 2) {
      counts.set(page[i] ?? "", countOf(page[i + 1]) ?? -1);
    }
    cursor = next === "0" ? null : next;
  }
  return (await look()).version === version ? { at, version, counts } : null;
}

/** What `namedLimits` of a comparison reads. */
async function readNamedLimits(
  { atOnce }: Looks,
  partition: number,
): ReturnType<ReconcileStock["namedLimits"]> {
  const [records, limited] = [recordKey(partition, "limit"), limitedKey(partition)];
  const { at, replies } = await atOnce(partition, [
    ["hgetall", records],
    ["hgetall", limited],
    ["hget", metaKey(partition), "limits"],
  ]);
  const [texts, index, ofAll] = replies;
  if (texts instanceof Error) return records;
  if (index instanceof Error) return limited;
  const limits = readableLimits(Object.entries(recordedFields(texts, records)).flat());
  const wanted = indexOf(limits);
  const isSame = (one: string | null, other: string | null): boolean =>
    one?.split(",").toSorted().join() === other?.split(",").toSorted().join();
  const found = new Map(Object.entries(recordedFields(index, limited)));
  const isIndexed =
    found.size === wanted.byProduct.size &&
    [...wanted.byProduct].every(([id, ids]) => isSame(ids, found.get(id) ?? null)) &&
    isSame(wanted.ofAll, typeof ofAll === "string" ? ofAll : null);
  return { at, limits, isIndexed };
}

/** What `limitedCampaigns` of a comparison reads; of a record that cannot be read the comparison of records tells. */
async function readLimitedCampaigns(
  { atOnce }: Looks,
  partition: number,
): ReturnType<ReconcileStock["limitedCampaigns"]> {
  const key = recordKey(partition, "campaign");
  const { replies } = await atOnce(partition, [["hgetall", key]]);
  const [texts] = replies;
  if (texts instanceof Error) return key;
  return Object.entries(recordedFields(texts, key)).flatMap(([id, text]) => {
    try {
      const campaign = { ...decodeCampaign(recorded<CampaignId>(id), text), text };
      return campaign.maxPerCustomer === null ? [] : [campaign];
    } catch {
      return [];
    }
  });
}
