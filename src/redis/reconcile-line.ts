/** Who waits for a product, as a comparison looks at it: what is derived, against the records beside it. */
import type { Redis } from "ioredis";
import { z } from "zod";
import { Fault } from "#inventory/faults";
import { customerField } from "#inventory/limits";
import type { PlacesOfCustomer, ReconcileStock, WaitingPlace } from "#inventory/reconcile-sides";
import { asking, failureOf } from "#redis/client";
import { metaKey, recordKey, stockKey, waitedKey, waitingKey, waitsKey } from "#redis/keys";
import { loadScript, runScript } from "#redis/script";
import { decodeWaiter, splitWaiterId, type WaiterId } from "#redis/waiting-record";

/** Records that one command answers. */
const PAGE_ENTRIES = 1_000;

const LINE = loadScript("repair/line.lua");
const PLACES = loadScript("repair/places.lua");
const Replies = z.array(z.tuple([z.instanceof(Error).nullable(), z.unknown()]));

type Looks = Pick<
  ReconcileStock,
  "waiters" | "withLine" | "hasExactLine" | "placeCounts" | "hasExactPlaces"
>;

export const lineLooks = (redis: Redis, storeId: string): Looks => {
  return {
    async waiters(partition, cursor) {
      const key = recordKey(partition, "waiting");
      try {
        const command = () => redis.hscan(key, cursor, "COUNT", PAGE_ENTRIES);
        const [next, flat] = await asking(command);
        const places = pairsOf(flat).flatMap(([id, text]) => placeOf(partition, id, text) ?? []);
        return { next: next === "0" ? null : next, places, unreadable: null };
      } catch (error) {
        if (failureOf(error) !== "error") throw error;
        return { next: null, places: [], unreadable: key };
      }
    },
    withLine: (partition, productIds) => withLine(redis, partition, productIds),
    hasExactLine: (partition, of) => lookAtLine(redis, storeId, partition, of),
    async placeCounts(partition, cursor) {
      const key = waitsKey(partition);
      try {
        const command = () => redis.hscan(key, cursor, "COUNT", PAGE_ENTRIES);
        const [next, flat] = await asking(command);
        return { next: next === "0" ? null : next, counts: pairsOf(flat), unreadable: null };
      } catch (error) {
        if (failureOf(error) !== "error") throw error;
        return { next: null, counts: [], unreadable: key };
      }
    },
    hasExactPlaces: (partition, of) => lookAtPlaces(redis, storeId, partition, of),
  };
};

const pairsOf = (flat: readonly string[]): (readonly [string, string])[] =>
  flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? ""] as const] : []));

function placeOf(partition: number, id: string, text: string): WaitingPlace | null {
  const of = splitWaiterId(id);
  if (of === null) return null;
  return { id, ...of, customer: customerOf(partition, of, text) };
}

/** null: it is nobody's, or cannot be read, of which the comparison of records tells. */
function customerOf(partition: number, of: WaiterId, text: string): string | null {
  try {
    const { customerId } = decodeWaiter(partition, of, text);
    return customerId && customerField(customerId);
  } catch {
    return null;
  }
}

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

/** Where one of the keys is of another type, which is told with its line, nobody can say. */
async function lookAtPlaces(
  redis: Redis,
  storeId: string,
  partition: number,
  { customer, ids, since }: PlacesOfCustomer,
): Promise<boolean> {
  try {
    const args = [storeId, "look", customer, String(since), ...ids];
    const word = await asking(() => runScript(redis, PLACES, metaKey(partition), args));
    if (word === "stale") throw new Fault("partition_fenced", `partition ${partition} is fenced`);
    return word === "exact";
  } catch (error) {
    if (failureOf(error) === "error") return true;
    throw error;
  }
}
