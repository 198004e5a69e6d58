/** Products: what is sold. Whoever reads them may be told beside each what there is of it. */
import type { Hono } from "hono";
import { z } from "zod";
import {
  createShell,
  jsonOf,
  Refused,
  type ShellContext,
  type ShellEnv,
} from "#companions/shell/app";
import type { Demand } from "#companions/shell/caller";
import { parsed, whole } from "#companions/shell/parsed";
import type { Relay } from "#companions/products/relay";
import type { StockOfProducts } from "#companions/products/stock";
import type { Product, Products } from "#companions/products/store";
import type { Log } from "#lib/log";

const PAGE_DEFAULT = 100;
const PAGE_MAX = 1_000;
/** Products whose stock one answer tells; each is a question to the inventory. */
const STOCK_MAX = 100;
const UNITS_MAX = 1_000_000_000;
const PRICE_MAX = 9_999_999_999.99;

const text = (most: number) => z.string().trim().max(most, `must have at most ${most} characters`);
const Name = text(200).min(1, "must not be empty");
const Price = z
  .number()
  .min(0, "must not be below 0")
  .max(PRICE_MAX)
  .refine(
    (price) => Math.abs(price * 100 - Math.round(price * 100)) < 1e-6,
    "has two decimals at most",
  );
const Sku = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, "must be 1-64 letters, digits and _.-");
const Creation = z.strictObject({
  name: Name,
  description: text(10_000).default(""),
  price: Price,
  category: text(100).default(""),
  sku: Sku.optional(),
  initialStock: z.int().min(0).max(UNITS_MAX).default(0),
});
const Change = z
  .strictObject({
    name: Name.optional(),
    description: text(10_000).optional(),
    price: Price.optional(),
    category: text(100).optional(),
  })
  .refine((change) => Object.keys(change).length > 0, "must change something");
const Query = z.strictObject({
  q: z.string().max(200).default(""),
  category: z.string().max(100).optional(),
  after: whole("after", 0, Number.MAX_SAFE_INTEGER).default(0),
  limit: whole("limit", 0, PAGE_MAX).default(PAGE_DEFAULT),
  include: z.literal("stock").optional(),
});
const OneQuery = Query.pick({ include: true });

export interface ProductsOptions {
  readonly products: Products;
  readonly stock: StockOfProducts;
  readonly relay: Pick<Relay, "wake">;
  readonly demand: Demand;
  readonly version: string;
  readonly log: Log;
  readonly isAway: (error: unknown) => boolean;
}

export function createProductsApp(options: ProductsOptions): Hono<ShellEnv> {
  const { products, stock, relay, demand, version, log, isAway } = options;
  const isReady = async (): Promise<null> => {
    await products.look();
    return null;
  };
  const app = createShell({ name: "Products", version, log, isReady, isAway });
  const withStock = async (found: readonly Product[], isWanted: boolean) => {
    if (!isWanted) return found;
    return await Promise.all(
      found.map(async (product) => {
        // Left out where it cannot be told: what is sold is known all the same.
        const known = await stock.stockOf(String(product.id)).catch(() => null);
        return known === null ? product : { ...product, stock: known };
      }),
    );
  };
  const one = async (c: ShellContext): Promise<Product> => {
    const product = await products.byId(idOf(c));
    if (product === null) throw unknown();
    return product;
  };

  app.get("/api/products", async (c) => {
    const query = parsed(Query, c.req.query());
    const isWanted = query.include === "stock";
    if (isWanted && query.limit > STOCK_MAX && c.req.query("limit") !== undefined) {
      throw new Refused(400, `limit: must be at most ${STOCK_MAX} with the stock`, {
        field: "limit",
      });
    }
    const found = await products.list({ ...query, category: query.category ?? null });
    const last = found.at(-1);
    if (last !== undefined && found.length === query.limit) {
      const next = new URLSearchParams({ ...c.req.query(), after: String(last.id) });
      c.header("link", `</api/products?${next.toString()}>; rel="next"`);
    }
    return c.json(await withStock(found, isWanted));
  });
  app.get("/api/products/:id", async (c) => {
    const { include } = parsed(OneQuery, c.req.query());
    const [told] = await withStock([await one(c)], include === "stock");
    return c.json(told);
  });
  app.post("/api/products", async (c) => {
    await demand(c, ["admin", "service"]);
    const made = await products.create({ sku: undefined, ...parsed(Creation, await jsonOf(c)) });
    if (made === null) throw new Refused(409, "another product has this SKU", { field: "sku" });
    await relay.wake(made.waiting.id);
    c.header("location", `/api/products/${made.product.id}`);
    return c.json(made.product, 201);
  });
  app.put("/api/products/:id", async (c) => {
    await demand(c, ["admin", "service"]);
    const changed = await products.change(idOf(c), parsed(Change, await jsonOf(c)));
    if (changed === null) throw unknown();
    return c.json(changed);
  });
  app.delete("/api/products/:id", async (c) => {
    await demand(c, ["admin", "service"]);
    const { id } = await one(c);
    const held = await stock.withdraw(String(id));
    if (held > 0) {
      throw new Refused(409, `${held} units of it are held: it can go when they are sold or free`, {
        reservedStock: held,
      });
    }
    await products.remove(id);
    return c.body(null, 204);
  });
  return app;
}

const unknown = (): Refused => new Refused(404, "Product not found");

function idOf(c: ShellContext): number {
  const given = c.req.param("id") ?? "";
  if (!/^[1-9]\d{0,14}$/.test(given)) throw unknown();
  return Number(given);
}
