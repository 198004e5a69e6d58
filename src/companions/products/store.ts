/** Products in PostgreSQL, and the outbox of what the inventory has to be told of them. */
import type { Sql } from "postgres";
import { z } from "zod";
import { randomId } from "#lib/ids";

/** Where the inventory shall reorder, and how much, unless somebody changes it there. */
const REORDER_POINT = 5;
const REORDER_QUANTITY = 20;

const ProductRow = z.object({
  id: z.coerce.number(),
  sku: z.string(),
  name: z.string(),
  description: z.string(),
  price: z.coerce.number(),
  category: z.string(),
  createdAt: z.date(),
  updatedAt: z.date(),
});

/** A product as callers know it; its stock is the inventory's. */
export interface Product {
  readonly id: number;
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  /** With two decimals at most. */
  readonly price: number;
  readonly category: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** What a product is made of, and how many there are at first. */
export interface NewProduct {
  readonly name: string;
  readonly description: string;
  readonly price: number;
  readonly category: string;
  /** undefined: one is made from its id. */
  readonly sku: string | undefined;
  readonly initialStock: number;
}
/** undefined: it stays. */
export interface ProductChange {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly price?: number | undefined;
  readonly category?: string | undefined;
}

/** What the inventory is to be told: the body of `initialize`. */
export const Call = z.object({
  productId: z.string(),
  sku: z.string(),
  name: z.string(),
  price: z.number(),
  initialStock: z.int(),
  reorderPoint: z.int(),
  reorderQuantity: z.int(),
});
export type Call = z.output<typeof Call>;

const OutboxRow = z.object({ id: z.coerce.number(), call: Call, key: z.string() });
export type Waiting = z.output<typeof OutboxRow>;

export interface ProductFilter {
  /** Words of name, description, SKU or category; "": all. */
  readonly q: string;
  readonly category: string | null;
  /** Behind this id; 0: from the first on. */
  readonly after: number;
  readonly limit: number;
}

export interface Products {
  /** Resolves when PostgreSQL answers. */
  look(): Promise<void>;
  list(filter: ProductFilter): Promise<readonly Product[]>;
  byId(id: number): Promise<Product | null>;
  /** null: another product has this SKU, or had it. Its call for the inventory is written with it. */
  create(
    product: NewProduct,
  ): Promise<{ readonly product: Product; readonly waiting: Waiting } | null>;
  /** null: there is none. */
  change(id: number, change: ProductChange): Promise<Product | null>;
  waiting(id: number): Promise<Waiting | null>;
  /** What the inventory is still to be told of a product. */
  waitingOf(productId: number): Promise<Waiting | null>;
  /** The oldest that wait, at most so many. */
  allWaiting(most: number): Promise<readonly Waiting[]>;
  done(id: number): Promise<void>;
  failed(id: number, why: string): Promise<void>;
}

const COLUMNS = `id, sku, name, description, price, category,
  created_at AS "createdAt", updated_at AS "updatedAt"`;
const UNIQUE_VIOLATION = "23505";

/** The item of a product that is gone has it in the inventory. */
class SkuTaken extends Error {}

export function createProducts(sql: Sql): Products {
  const columns = sql.unsafe(COLUMNS);
  return {
    async look() {
      await sql`SELECT 1`;
    },
    async list({ q, category, after, limit }) {
      const pattern = `%${q.replaceAll(/[\\%_]/g, "\\$&")}%`;
      const rows = await sql`SELECT ${columns} FROM products
        WHERE id > ${after} AND (${category}::text IS NULL OR category = ${category})
          AND (${q} = '' OR concat_ws(' ', name, description, sku, category) ILIKE ${pattern})
        ORDER BY id LIMIT ${limit}`;
      return rows.map(productOf);
    },
    async byId(id) {
      const [row] = await sql`SELECT ${columns} FROM products WHERE id = ${id}`;
      return row === undefined ? null : productOf(row);
    },
    async create({ name, description, price, category, sku, initialStock }) {
      try {
        return await sql.begin(async (tx) => {
          const [row] = await tx`INSERT INTO products (sku, name, description, price, category)
            VALUES (
              coalesce(${sku ?? null}, 'P-' || currval(pg_get_serial_sequence('products', 'id'))),
              ${name}, ${description}, ${price}, ${category}
            )
            RETURNING ${columns}`;
          const product = productOf(row);
          // Behind the insert, which waits for a removal of who has it.
          const had = await tx`SELECT 1 FROM gone WHERE sku = ${product.sku}`;
          if (had.length > 0) throw new SkuTaken();
          const call: Call = {
            productId: String(product.id),
            sku: product.sku,
            name,
            // As it was written down: with two decimals.
            price: product.price,
            initialStock,
            reorderPoint: REORDER_POINT,
            reorderQuantity: REORDER_QUANTITY,
          };
          const [written] = await tx`INSERT INTO outbox (product_id, call, key)
            VALUES (${product.id}, ${JSON.stringify(call)}::text::jsonb, ${`product-${randomId(24)}`})
            RETURNING id, call, key`;
          return { product, waiting: OutboxRow.parse(written) };
        });
      } catch (error) {
        if (error instanceof SkuTaken || codeOf(error) === UNIQUE_VIOLATION) return null;
        throw error;
      }
    },
    async change(id, { name, description, price, category }) {
      const [row] = await sql`UPDATE products SET
          name = coalesce(${name ?? null}, name),
          description = coalesce(${description ?? null}, description),
          price = coalesce(${price ?? null}::numeric, price),
          category = coalesce(${category ?? null}, category),
          updated_at = now()
        WHERE id = ${id} RETURNING ${columns}`;
      return row === undefined ? null : productOf(row);
    },
    async waiting(id) {
      const [row] =
        await sql`SELECT id, call, key FROM outbox WHERE id = ${id} AND done_at IS NULL`;
      return row === undefined ? null : OutboxRow.parse(row);
    },
    async waitingOf(productId) {
      const [row] = await sql`SELECT id, call, key FROM outbox
        WHERE product_id = ${productId} AND done_at IS NULL ORDER BY id LIMIT 1`;
      return row === undefined ? null : OutboxRow.parse(row);
    },
    async allWaiting(most) {
      const rows = await sql`SELECT id, call, key FROM outbox WHERE done_at IS NULL
        ORDER BY id LIMIT ${most}`;
      return OutboxRow.array().parse(rows);
    },
    async done(id) {
      await sql`UPDATE outbox SET done_at = now(), tries = tries + 1, last_error = NULL
        WHERE id = ${id}`;
    },
    async failed(id, why) {
      await sql`UPDATE outbox SET tries = tries + 1, last_error = ${why.slice(0, 500)}
        WHERE id = ${id}`;
    },
  };
}

function productOf(row: unknown): Product {
  const { createdAt, updatedAt, ...product } = ProductRow.parse(row);
  return { ...product, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}

const codeOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null && "code" in error ? error.code : null;
