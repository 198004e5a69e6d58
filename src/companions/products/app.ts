/** Products: what is sold. Whoever reads them may be told beside each what there is of it. */
import type { Hono } from "hono";
import { z } from "zod";
import { Refused, type ShellContext, type ShellEnv } from "#companions/shell/app";
import { createService, type ServiceOptions } from "#companions/shell/service";
import {
  inBody,
  byRole,
  EVERYBODY,
  NOTHING,
  inQuery,
  route,
  type ShellRoute,
} from "#companions/shell/route";
import { idIn, linkNext, pageOf } from "#companions/shell/pages";
import type { Relay } from "#companions/products/relay";
import type { Removing } from "#companions/products/removal";
import type { StockOfProducts } from "#companions/products/stock";
import type { Product, Products } from "#companions/products/store";

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
  .refine((price) => Number(price.toFixed(2)) === price, "has two decimals at most");
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
  ...pageOf(PAGE_MAX, PAGE_DEFAULT),
  include: z.literal("stock").optional(),
});
const OneQuery = Query.pick({ include: true });

const Told = z
  .object({
    id: z.int(),
    sku: z.string(),
    name: z.string(),
    description: z.string(),
    price: z.number(),
    category: z.string(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: "Product" });
/** With what there is of it, where that was asked for and can be told. */
const ToldWithStock = Told.extend({
  stock: z
    .object({ totalStock: z.int(), reservedStock: z.int(), availableStock: z.int() })
    .optional(),
}).meta({ id: "ProductWithStock" });
const UNKNOWN = { 404: "There is no such product." };

export interface ProductsOptions extends ServiceOptions {
  readonly products: Products;
  readonly stock: Pick<StockOfProducts, "stockOf">;
  readonly removing: Pick<Removing, "remove">;
  readonly relay: Pick<Relay, "wake">;
}

export function createProductsApp(options: ProductsOptions): Hono<ShellEnv> {
  return createService(options, {
    name: "Products",
    look: () => options.products.look(),
    routes: [...reads(options), ...changes(options)],
  });
}

function reads({ products, stock }: ProductsOptions): readonly ShellRoute[] {
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
  return [
    route({
      method: "GET",
      path: "/api/products",
      summary: "What is sold",
      notes:
        "`q` are words of name, description, SKU or category; pages go on behind the id `after`.",
      by: EVERYBODY,
      takes: inQuery(Query),
      answers: { 200: z.array(ToldWithStock) },
      headers: ["Link"],
      async handle(c, asked) {
        const isWanted = asked.include === "stock";
        if (isWanted && asked.limit > STOCK_MAX) {
          throw new Refused(400, `limit: must be at most ${STOCK_MAX} with the stock`, {
            field: "limit",
          });
        }
        const found = await products.list({ ...asked, category: asked.category ?? null });
        linkNext(c, found, asked.limit, ({ id }) => id);
        return c.json(await withStock(found, isWanted));
      },
    }),
    route({
      method: "GET",
      path: "/api/products/:id",
      summary: "A product",
      by: EVERYBODY,
      takes: inQuery(OneQuery),
      answers: { 200: ToldWithStock },
      refused: UNKNOWN,
      async handle(c, { include }) {
        const [told] = await withStock([await productOf(c, products)], include === "stock");
        return c.json(told);
      },
    }),
  ];
}

function changes({ products, removing, relay, demand }: ProductsOptions): readonly ShellRoute[] {
  const by = byRole(demand, ["admin", "service"]);
  return [
    route({
      method: "POST",
      path: "/api/products",
      summary: "Sell another product",
      notes: "Its inventory item follows by itself.",
      by,
      takes: inBody(Creation),
      answers: { 201: Told },
      headers: ["Location"],
      refused: { 409: "Another product has this SKU." },
      async handle(c, creation) {
        const made = await products.create({ sku: undefined, ...creation });
        if (made === null) throw new Refused(409, "another product has this SKU", { field: "sku" });
        await relay.wake(made.waiting.id);
        c.header("location", `/api/products/${made.product.id}`);
        return c.json(made.product, 201);
      },
    }),
    route({
      method: "PUT",
      path: "/api/products/:id",
      summary: "Change what is said of a product",
      by,
      takes: inBody(Change),
      answers: { 200: Told },
      refused: UNKNOWN,
      async handle(c, change) {
        const changed = await products.change(idOf(c), change);
        if (changed === null) throw unknown();
        return c.json(changed);
      },
    }),
    route({
      method: "DELETE",
      path: "/api/products/:id",
      summary: "Sell a product no more",
      by,
      takes: NOTHING,
      answers: { 204: null },
      refused: { ...UNKNOWN, 409: "Units of it are held." },
      async handle(c) {
        const removed = await removing.remove(idOf(c));
        if (removed === null) throw unknown();
        if (removed.kind === "gone") return c.body(null, 204);
        const { units: reservedStock } = removed;
        const why = `${reservedStock} units of it are held: it can go when they are sold or free`;
        throw new Refused(409, why, { reservedStock });
      },
    }),
  ];
}

async function productOf(c: ShellContext, products: Products): Promise<Product> {
  const product = await products.byId(idOf(c));
  if (product === null) throw unknown();
  return product;
}

const unknown = (): Refused => new Refused(404, "Product not found");

function idOf(c: ShellContext): number {
  const id = idIn(c);
  if (id === null) throw unknown();
  return id;
}
