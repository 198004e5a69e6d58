/** A whole service whose ledger is asked over HTTP, and products with a history. */
import { expect } from "bun:test";
import { z } from "zod";
import { ProductId } from "#inventory/model";
import { randomId } from "#lib/ids";
import { Caller, reservationIn, type Answer } from "#test/caller";
import { startRedis, testDatabase } from "#test/servers";
import { startService, tokenOf } from "#test/service";
import { openStoresOf } from "#test/stores";

const PARTITIONS = "3";

const Movement = z.object({
  movementId: z.string(),
  productId: z.string().nullable(),
  location: z.string(),
  type: z.string(),
  before: z.object({ totalStock: z.int(), reservedStock: z.int() }),
  after: z.object({ totalStock: z.int(), reservedStock: z.int() }),
  delta: z.object({ totalStock: z.int(), reservedStock: z.int() }),
  orderId: z.string().nullable(),
  customerId: z.string().nullable(),
  reservationId: z.string().nullable(),
  requestId: z.string().nullable(),
  reference: z.string().nullable(),
  reason: z.string().nullable(),
  actor: z.string(),
  partition: z.int(),
  seq: z.int(),
  timestamp: z.iso.datetime(),
});
export type Movement = z.output<typeof Movement>;
export const Page = z.object({ items: z.array(Movement), nextCursor: z.string().nullable() });
/** Served by an API and a worker of their own, in three partitions. */
export async function startAsking(more: Readonly<Record<string, string>> = {}) {
  const [redis, database] = await Promise.all([startRedis(), testDatabase()]);
  const servers = { redisUrl: redis.url, databaseUrl: database.url, env: { PARTITIONS, ...more } };
  const api = await startService({ ...servers, role: "api" });
  const worker = await startService({ ...servers, role: "worker" });
  const stores = await openStoresOf(redis.url, database.url, { PARTITIONS });
  const token = await tokenOf("admin", "ada");
  const caller = new Caller(api.url);
  const get = (path: string): Promise<Answer> => caller.once({ method: "GET", path, token: token });

  async function change(method: "POST" | "PATCH", path: string, body: object): Promise<Answer> {
    const answer = await caller.call({ method, path, token: token, body });
    expect(answer.status).toBeLessThan(300);
    return answer;
  }

  /** All pages of a list. */
  async function list(query: Record<string, string>, limit = 500): Promise<Movement[]> {
    const found: Movement[] = [];
    let cursor: string | null = null;
    do {
      const at: Record<string, string> = cursor === null ? {} : { cursor };
      const search = new URLSearchParams({ ...query, ...at, limit: `${limit}` });
      const answer = await get(`/movements?${search.toString()}`);
      expect([answer.status, answer.headers.get("ledger-lag")]).toEqual([200, null]);
      const page = Page.parse(answer.body);
      found.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return found;
  }

  async function exported(query: Record<string, string>, format = "ndjson"): Promise<string> {
    const search = new URLSearchParams({ ...query, format });
    const headers = { authorization: `Bearer ${token}` };
    const url = `${api.url}/api/inventory/movements/export?${search.toString()}`;
    const answer = await fetch(url, { headers });
    expect(answer.status).toBe(200);
    return answer.text();
  }

  /** Of that partition, where one is named. */
  async function initialize(initialStock = 50, partition?: number): Promise<string> {
    const isWanted = (id: string) =>
      partition === undefined || stores.store.partitionOf(ProductId.parse(id)) === partition;
    let productId = randomId(10);
    while (!isWanted(productId)) productId = randomId(10);
    const sku = `SKU-${productId}`;
    await change("POST", "/initialize", { productId, sku, initialStock, location: "A" });
    return productId;
  }

  const stockAt = (productId: string, asOf: string | number): Promise<Answer> => {
    const text = typeof asOf === "number" ? new Date(asOf).toISOString() : asOf;
    return get(`/product/${productId}?asOf=${encodeURIComponent(text)}`);
  };

  /** A product with a history at two locations, some of it held and sold. */
  async function withHistory(
    partition?: number,
  ): Promise<{ productId: string; orderId: string; holdId: string }> {
    const productId = await initialize(50, partition);
    const path = `/product/${productId}`;
    const orderId = randomId(10);
    await change("PATCH", `${path}/stock`, { quantity: 7, type: "RESTOCK", reference: "=1+1" });
    const held = await change("POST", `${path}/reserve`, { quantity: 3, orderId });
    const { reservationId: holdId } = reservationIn(held);
    await change("POST", `${path}/transfer`, { from: "A", to: "B", quantity: 20 });
    await change("POST", `/reservation/${holdId}/confirm`, {
      lines: [{ productId, quantity: 1 }],
    });
    await change("POST", `${path}/sell`, { quantity: 2, orderId, location: "B" });
    await change("POST", `${path}/return`, { quantity: 2, orderId, disposition: "scrap" });
    await change("POST", `/reservation/${holdId}/cancel`, {});
    await change("PATCH", `${path}/stock`, { quantity: -4, location: "B", reason: 'a "b", c' });
    return { productId, orderId, holdId };
  }

  return {
    url: api.url,
    worker,
    stores,
    get,
    change,
    list,
    exported,
    initialize,
    stockAt,
    withHistory,
    async [Symbol.asyncDispose](): Promise<void> {
      await stores.close();
      for (const service of [worker, api]) await service[Symbol.asyncDispose]();
      await redis.stop();
      await database.drop();
    },
  };
}

export const sumOf = <Name extends string>(
  rows: readonly Record<Name, number>[],
  name: Name,
): number => rows.reduce((sum, row) => sum + row[name], 0);
