import { createHandlers, type EdgeContext } from "#http/env";
import { isKnown, productEtag } from "#http/middleware/conditional";
import { PATHS } from "#http/paths";
import { lagHeader, refuse, reply, replyText } from "#http/reply";
import { route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validate } from "#http/validate";
import { Inventory, Products } from "#http/wire/answers";
import { ProductParam, SkuParam } from "#http/wire/fields";
import { inventoryOf } from "#http/wire/objects";
import { ProductsQuery } from "#http/wire/queries";
import { listProducts } from "#inventory/list-products";
import type { Product } from "#inventory/model";
import { readProduct } from "#inventory/read-product";
import { readProductOfSku } from "#inventory/read-product-of-sku";

export function productRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.product,
    summary: "The stock of a product",
    answers: { 200: Inventory, 304: null },
    refusals: ["product_not_found"],
    roles: "public",
    handlers: createHandlers(validate("param", ProductParam), async (c) => {
      const { productId } = c.req.valid("param");
      return show(c, await readProduct(deps, c.get("request"), productId));
    }),
  });
}

export function skuRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.sku,
    summary: "The stock of the product with a SKU",
    answers: { 200: Inventory, 304: null },
    refusals: ["product_not_found"],
    roles: "public",
    handlers: createHandlers(validate("param", SkuParam), async (c) => {
      const { sku } = c.req.valid("param");
      return show(c, await readProductOfSku(deps, c.get("request"), sku));
    }),
  });
}

export function productsRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.products,
    summary: "Products, page by page",
    answers: { 200: Products },
    headers: ["Ledger-Lag"],
    roles: STAFF,
    handlers: createHandlers(validate("query", ProductsQuery), async (c) => {
      const {
        q = null,
        status = null,
        location = null,
        cursor = null,
        limit,
      } = c.req.valid("query");
      const query = { q, status, location, cursor, limit };
      const { page, lag } = await listProducts(deps, c.get("request"), query);
      const body = { items: page.items.map(inventoryOf), nextCursor: page.nextCursor };
      return reply(c, 200, body, lagHeader(lag));
    }),
  });
}

function show(c: EdgeContext, product: Product | null): Response {
  if (product === null) return refuse(c, "product_not_found", "there is no such product");
  const etag = productEtag(product);
  if (isKnown(c.req.header("if-none-match"), etag)) return replyText(c, 304, null, { etag });
  return reply(c, 200, inventoryOf(product), { etag });
}
