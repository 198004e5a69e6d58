/** What each customer has of a product with a limit, as a comparison with the ledger reads it. */
import type { Redis } from "ioredis";
import type { StockMoment, StoredLimit } from "#inventory/reconcile-sides";
import { asking } from "#redis/client";
import { limitKey, stockKey } from "#redis/keys";

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

/** Page by page: it is of one moment where the product has not changed meanwhile. */
export async function readLimit(
  redis: Redis,
  { atOnce, pace }: Looks,
  partition: number,
  productId: string,
): Promise<StoredLimit | null> {
  const key = limitKey(partition, productId);
  const look = async () => {
    const seqNow = ["hget", stockKey(partition, productId), "seq"];
    const { at, replies } = await atOnce(partition, [seqNow, ["type", key]]);
    const [seq, type] = replies;
    return { at, productSeq: typeof seq === "string" ? countOf(seq) : null, type };
  };
  const { at, productSeq, type } = await look();
  if (productSeq === null) return null;
  if (type !== "hash" && type !== "none") return { at, productSeq, counts: key };
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
  return (await look()).productSeq === productSeq ? { at, productSeq, counts } : null;
}
