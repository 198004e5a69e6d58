/** What is in stock, read from Redis and from the ledger past the service: the checks' other side. */
import { z } from "zod";
import { PATHS } from "#http/paths";
import { decodeHold } from "#redis/hold-record";
import { metaKey, reservationKey, stockKey } from "#redis/keys";
import { until } from "#embedded/wait";
import type { Installation } from "./servers.ts";

export const HOT = "bench-hot";
export const SOLD_OUT = "bench-sold-out";
/** Products of the variants that do not sell one alone. */
export const PRODUCTS = 100_000;
export const productName = (number: number): string => `bench-${number}`;
export const MANY: readonly string[] = Array.from({ length: PRODUCTS }, (_, n) => productName(n));

/** No run sells this many. */
export const UNITS = 1_000_000_000;
/** Of one call that makes many. */
const CALL_ITEMS = 500;
const CALLS_AT_ONCE = 4;
/** Its multiples, without their whole part, are spread as evenly as can be. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;
const LAG_MS_MAX = 60_000;
const SCAN_COUNT = 5_000;

const Cursor = z.tuple([z.object({ seq: z.coerce.number() })]);
const Sums = z.tuple([z.object({ on_hand: z.coerce.number(), reserved: z.coerce.number() })]);

/** Makes the hot product, one that has nothing left, and `many` others. */
export async function fill(at: Installation, token: string, many: number): Promise<void> {
  const products = [HOT, SOLD_OUT, ...MANY.slice(0, many)];
  const make = async (some: readonly string[]): Promise<void> => {
    const items = some.map((productId) => {
      return { productId, sku: productId, initialStock: productId === SOLD_OUT ? 0 : UNITS };
    });
    const answer = await fetch(`${at.url}${PATHS.bulkInitialize}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ items }),
    });
    const text = await answer.text();
    const made = answer.status === 200 && text.split('"status":201').length - 1;
    if (made !== some.length) throw new Error(`products were not made: ${text.slice(0, 1_000)}`);
  };
  const calls = Array.from({ length: Math.ceil(products.length / CALL_ITEMS) }, (_, number) =>
    products.slice(number * CALL_ITEMS, (number + 1) * CALL_ITEMS),
  );
  for (let first = 0; first < calls.length; first += CALLS_AT_ONCE) {
    await Promise.all(calls.slice(first, first + CALLS_AT_ONCE).map(make));
  }
  await ledgerCaughtUp(at);
}

export interface Units {
  readonly onHand: number;
  readonly reserved: number;
}

/** Sums over the products, as Redis has them. */
export async function unitsOf(at: Installation, products: readonly string[]): Promise<Units> {
  const pipeline = at.redis.pipeline();
  for (const product of products) {
    pipeline.hmget(stockKey(0, product), "onHand:default", "reserved:default");
  }
  const rows = (await pipeline.exec()) ?? [];
  let [onHand, reserved] = [0, 0];
  for (const [error, row] of rows) {
    const [here, held] = z.tuple([z.string(), z.string()]).parse(row);
    if (error) throw error;
    onHand += Number(here);
    reserved += Number(held);
  }
  return { onHand, reserved };
}

/**
 * Products as they are asked for where few are wanted by many: the n-th one 1/n as often as the first
 * (Zipf's law). The same list each time; it is gone through again and again.
 */
export function zipf(products: readonly string[], draws: number): readonly string[] {
  const shares: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= products.length; rank += 1) shares.push((sum += 1 / rank));
  // A sequence that fills the unit interval evenly, and repeats nothing.
  return Array.from({ length: draws }, (_, n) => {
    const wanted = ((n * GOLDEN) % 1) * sum;
    let [low, high] = [0, shares.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((shares[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return products[low] ?? "";
  });
}

/** Waits until PostgreSQL has every movement that Redis has. */
export async function ledgerCaughtUp(
  at: Pick<Installation, "redis" | "sql">,
  msMax = LAG_MS_MAX,
): Promise<void> {
  const seq = Number(await at.redis.hget(metaKey(0), "seq"));
  await until("the ledger is up to date", msMax, async () => {
    const rows = await at.sql`SELECT cursor_seq AS seq FROM partitions WHERE partition = 0`;
    const [cursor] = Cursor.parse(rows);
    return cursor.seq >= seq;
  });
}

/** The same sums, as the ledger has them. */
export async function ledgerUnitsOf(at: Installation, products: readonly string[]): Promise<Units> {
  const rows = await at.sql`
    SELECT sum(on_hand) AS on_hand, sum(reserved) AS reserved FROM levels
    WHERE product_id = ANY (${at.sql.array([...products])})
  `;
  const [sums] = Sums.parse(rows);
  return { onHand: sums.on_hand, reserved: sums.reserved };
}

/** Ids of holds that are live, at most `most`. */
export async function liveHolds(at: Installation, most: number): Promise<readonly string[]> {
  const ids: string[] = [];
  let cursor = "0";
  do {
    const pattern = reservationKey(0, "*");
    const [next, keys] = await at.redis.scan(cursor, "MATCH", pattern, "COUNT", SCAN_COUNT);
    cursor = next;
    const records = keys.length === 0 ? [] : await at.redis.mget(keys);
    records.forEach((record, index) => {
      if (record === null) return;
      const owner = (keys[index] ?? "").slice(pattern.length - 1);
      const hold = decodeHold(0, owner, record);
      if (hold.status === "ACTIVE") ids.push(hold.reservationId);
    });
  } while (cursor !== "0" && ids.length < most);
  return ids.slice(0, most);
}
