/** What is in stock, read from Redis and from the ledger past the service: the checks' other side. */
import { z } from "zod";
import { decodeHold } from "#redis/hold-record";
import { metaKey, reservationKey, stockKey } from "#redis/keys";
import { until } from "#embedded/wait";
import type { Installation } from "./servers.ts";

export const HOT = "bench-hot";
export const SOLD_OUT = "bench-sold-out";
/** Products of the variants that do not sell one alone. */
export const PRODUCTS = 10_000;
export const productName = (number: number): string => `bench-${number}`;
export const MANY: readonly string[] = Array.from({ length: PRODUCTS }, (_, n) => productName(n));

/** No run sells this many. */
const UNITS = 1_000_000_000;
const CALLS_AT_ONCE = 64;
const LAG_MS_MAX = 60_000;
const SCAN_COUNT = 5_000;

const Cursor = z.tuple([z.object({ seq: z.coerce.number() })]);
const Sums = z.tuple([z.object({ on_hand: z.coerce.number(), reserved: z.coerce.number() })]);

/** Makes the hot product, one that has nothing left, and `many` others. */
export async function fill(at: Installation, token: string, many: number): Promise<void> {
  const products = [HOT, SOLD_OUT, ...MANY.slice(0, many)];
  const make = async (productId: string): Promise<void> => {
    const initialStock = productId === SOLD_OUT ? 0 : UNITS;
    const answer = await fetch(`${at.url}/api/inventory/initialize`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ productId, sku: productId, initialStock }),
    });
    const text = await answer.text();
    if (answer.status !== 201) throw new Error(`${productId} was not made: ${text}`);
  };
  for (let first = 0; first < products.length; first += CALLS_AT_ONCE) {
    await Promise.all(products.slice(first, first + CALLS_AT_ONCE).map(make));
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

/** Waits until PostgreSQL has every movement that Redis has. */
export async function ledgerCaughtUp(at: Installation): Promise<void> {
  const seq = Number(await at.redis.hget(metaKey(0), "seq"));
  await until("the ledger is up to date", LAG_MS_MAX, async () => {
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
