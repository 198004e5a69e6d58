/** Who waits for a product, as a comparison looks at it: what is derived, against the records beside it. */
import type { Redis } from "ioredis";
import { z } from "zod";
import { Fault } from "#inventory/faults";
import type { ReconcileStock } from "#inventory/reconcile-sides";
import { asking, failureOf } from "#redis/client";
import { metaKey, recordKey, stockKey, waitedKey, waitingKey } from "#redis/keys";
import { loadScript, runScript } from "#redis/script";
import { splitWaiterId } from "#redis/waiting-record";

/** Records that one command answers. */
const PAGE_ENTRIES = 1_000;

const LINE = loadScript("repair/line.lua");
const Replies = z.array(z.tuple([z.instanceof(Error).nullable(), z.unknown()]));

type Looks = Pick<ReconcileStock, "waiters" | "withLine" | "hasExactLine">;

export const lineLooks = (redis: Redis, storeId: string): Looks => {
  return {
    async waiters(partition, cursor) {
      const key = recordKey(partition, "waiting");
      try {
        const command = () => redis.hscan(key, cursor, "COUNT", PAGE_ENTRIES);
        const [next, flat] = await asking(command);
        const places = flat.flatMap((id, i) => (i % 2 === 0 ? (splitWaiterId(id) ?? []) : []));
        return { next: next === "0" ? null : next, places, unreadable: null };
      } catch (error) {
        if (failureOf(error) !== "error") throw error;
        return { next: null, places: [], unreadable: key };
      }
    },
    withLine: (partition, productIds) => withLine(redis, partition, productIds),
    hasExactLine: (partition, of) => lookAtLine(redis, storeId, partition, of),
  };
};

/** Those of the products of which anything says that somebody waits. */
async function withLine(
  redis: Redis,
  partition: number,
  productIds: readonly string[],
): Promise<readonly string[]> {
  const pipeline = redis.pipeline();
  for (const id of productIds) {
    pipeline.hget(stockKey(partition, id), "waiting");
    pipeline.exists(waitingKey(partition, id));
    pipeline.zscore(waitedKey(partition), id);
  }
  const replies = Replies.parse(await asking(() => pipeline.exec()));
  return productIds.filter((_, i) => {
    const own = replies.slice(3 * i, 3 * i + 3);
    return own.some(([error, value]) => error === null && value !== null && value !== 0);
  });
}

/** Whether it is what the records say; a key: it is of another type. */
async function lookAtLine(
  redis: Redis,
  storeId: string,
  partition: number,
  { productId, owners }: { readonly productId: string; readonly owners: readonly string[] },
): Promise<boolean | string> {
  try {
    const args = [storeId, "look", productId, ...owners];
    const word = await asking(() => runScript(redis, LINE, metaKey(partition), args));
    if (word === "stale") throw new Fault("partition_fenced", `partition ${partition} is fenced`);
    return word === "exact";
  } catch (error) {
    if (failureOf(error) === "error") return waitingKey(partition, productId);
    throw error;
  }
}
