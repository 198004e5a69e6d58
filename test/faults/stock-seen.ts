/** A product as each API, Redis and the ledger have it. */
import type { Redis } from "ioredis";
import type { Sql } from "postgres";
import { z } from "zod";
import { stockKey } from "#redis/keys";
import { decodeProduct } from "#redis/product-record";
import { Caller } from "#test/caller";
import { tokenOf } from "#test/service";
import type { Stock, StockSeen } from "#faults/laws";

const Text = z.string();
const Count = z.int();
/** By the names of the API. */
const NAMED = {
  sku: Text,
  name: Text.nullable(),
  price: z.number().nullable(),
  lowStockThreshold: Count,
  reorderPoint: Count,
  reorderQuantity: Count,
  maxPerCustomer: Count.nullable(),
} as const;
const Level = z.object({ location: Text, onHand: Count, reserved: Count });
const Attributes = z.object({ ...NAMED, safetyStock: Count, home: Text });
const Read = z.object({
  ...NAMED,
  availableStock: Count,
  reservedStock: Count,
  totalStock: Count,
  safetyStock: Count,
  location: Text,
  locations: z.array(Level),
});

export async function stockSeen(where: {
  /** Of the APIs. */
  readonly urls: readonly string[];
  readonly redis: Redis;
  readonly sql: Sql;
  readonly productIds: readonly string[];
}): Promise<StockSeen[]> {
  const { urls, redis, sql, productIds } = where;
  const token = await tokenOf("admin", "administrator");
  const callers = urls.map((url) => new Caller(url));
  const all: StockSeen[] = [];
  for (const productId of productIds) {
    const answers = await Promise.all(
      callers.map((caller) => caller.call({ method: "GET", path: `/product/${productId}`, token })),
    );
    const product = decodeProduct(await redis.hgetall(stockKey(0, productId)));
    all.push({
      productId,
      apis: answers.map(({ body }) => byApi(body)),
      redis: stockOf(product, product.levels),
      ledger: await byLedger(sql, productId),
    });
  }
  return all;
}

function byApi(body: unknown): StockSeen["apis"][number] {
  const read = Read.parse(body);
  const { totalStock: onHand, reservedStock: reserved, availableStock: available } = read;
  const { sums, ...stock } = withSums({ ...read, home: read.location }, read.locations);
  // Its own sums: whether they are those of its locations is looked at.
  return { ...stock, onHand, reserved, available, sums };
}

async function byLedger(sql: Sql, productId: string): Promise<Stock> {
  const [product] = await sql`SELECT sku, name, price::float8, home,
    low_stock_threshold::float8 AS "lowStockThreshold", reorder_point::float8 AS "reorderPoint",
    reorder_quantity::float8 AS "reorderQuantity", safety_stock::float8 AS "safetyStock",
    max_per_customer::float8 AS "maxPerCustomer" FROM products WHERE product_id = ${productId}`;
  const levels = await sql`SELECT location, on_hand::float8 AS "onHand",
    reserved::float8 AS reserved FROM levels WHERE product_id = ${productId}`;
  return stockOf(Attributes.parse(product), Level.array().parse([...levels]));
}

function stockOf(
  attributes: z.infer<typeof Attributes>,
  levels: readonly z.infer<typeof Level>[],
): Stock {
  const { sums: _, ...stock } = withSums(attributes, levels);
  return stock;
}

function withSums(
  attributes: z.infer<typeof Attributes>,
  levels: readonly z.infer<typeof Level>[],
): Stock & { readonly sums: string } {
  const { safetyStock, ...fields } = Attributes.parse(attributes);
  const onHand = levels.reduce((sum, level) => sum + level.onHand, 0);
  const reserved = levels.reduce((sum, level) => sum + level.reserved, 0);
  return {
    onHand,
    reserved,
    safetyStock,
    fields: Object.entries(fields)
      .map(([name, value]) => `${name}=${value}`)
      .toSorted(),
    levels: levels.map((one) => `${one.location} ${one.onHand}/${one.reserved}`).toSorted(),
    sums: `${onHand}/${reserved}`,
  };
}
