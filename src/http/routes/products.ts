import { hash } from "node:crypto";
import { createHandlers, type EdgeContext } from "#http/env";
import { isKnown, productEtag } from "#http/middleware/conditional";
import { cursorsOf } from "#http/page-cursor";
import { PATHS } from "#http/paths";
import { invalid } from "#http/problem";
import { lagHeader, refuse, reply, replyText } from "#http/reply";
import { route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validate } from "#http/validate";
import { Inventory, InventoryAt, InventoryExpecting, Products } from "#http/wire/answers";
import { ProductParam, SkuParam } from "#http/wire/fields";
import { incomingOf, inventoryAtOf, inventoryOf, timeOf } from "#http/wire/objects";
import { ProductQuery, ProductsQuery } from "#http/wire/queries";
import { listProducts } from "#inventory/list-products";
import type { Product } from "#inventory/model";
import { readExpecting, type Expecting } from "#inventory/read-expecting";
import { readProduct } from "#inventory/read-product";
import { readStockAt, type StockThen } from "#inventory/read-stock-at";
import { readProductOfSku } from "#inventory/read-product-of-sku";

export function productRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.product,
    summary: "The stock of a product, now or at an instant",
    answers: { 200: [Inventory, InventoryAt, InventoryExpecting], 304: null },
    headers: ["Ledger-Lag"],
    refusals: ["product_not_found", "product_not_yet_created", "history_not_kept"],
    roles: "public",
    counted: "beside",
    // It reads the ledger, which is not for everybody to make work.
    guarded: { query: "asOf", roles: STAFF },
    handlers: createHandlers(
      validate("param", ProductParam),
      validate("query", ProductQuery),
      async (c) => {
        const { productId } = c.req.valid("param");
        const { asOf, include } = c.req.valid("query");
        if (include !== undefined) {
          if (asOf !== undefined) throw invalid("include", "goes without asOf");
          return showExpecting(c, await readExpecting(deps, c.get("request"), productId));
        }
        if (asOf === undefined) {
          return show(c, await readProduct(deps, c.get("request"), productId));
        }
        return showThen(c, asOf, await readStockAt(deps, c.get("request"), productId, asOf));
      },
    ),
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
    counted: "beside",
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
      const { cursor, limit, ...filters } = c.req.valid("query");
      const { q = null, status = null, location = null } = filters;
      const { inner, outer } = cursorsOf(PATHS.products, filters, cursor);
      const query = { q, status, location, cursor: inner, limit };
      const { page, lag } = await listProducts(deps, c.get("request"), query);
      const body = { items: page.items.map(inventoryOf), nextCursor: outer(page.nextCursor) };
      return reply(c, 200, body, lagHeader(lag));
    }),
  });
}

function showThen(c: EdgeContext, asOf: number, then: StockThen): Response {
  switch (then.kind) {
    case "stock":
      break;
    case "unknown_product":
      return refuse(c, "product_not_found", "there is no such product");
    case "not_yet_created": {
      const message = `the product was created at ${timeOf(then.createdAt)}`;
      return refuse(c, "product_not_yet_created", message);
    }
    case "not_kept":
      return refuse(c, "history_not_kept", "the movements of that time were put away");
    case "future":
      throw invalid("asOf", "must not be in the future");
  }
  const body = inventoryAtOf(asOf, then);
  const etag = `"${body.version ?? ""}@${asOf}"`;
  if (then.lag === 0 && isKnown(c.req.header("if-none-match"), etag)) {
    return replyText(c, 304, null, { etag });
  }
  return reply(c, 200, body, { etag, ...lagHeader(then.lag) });
}

/** What is expected has no version: the tag is the product's, and of what it says. */
function showExpecting(c: EdgeContext, found: Expecting | null): Response {
  if (found === null) return refuse(c, "product_not_found", "there is no such product");
  const incoming = found.incoming.map(incomingOf);
  const body = { ...inventoryOf(found.product), incoming };
  const expected = hash("sha256", JSON.stringify(incoming)).slice(0, 16);
  const etag = `${productEtag(found.product).slice(0, -1)}@${expected}"`;
  if (isKnown(c.req.header("if-none-match"), etag)) return replyText(c, 304, null, { etag });
  return reply(c, 200, body, { etag });
}

function show(c: EdgeContext, product: Product | null): Response {
  if (product === null) return refuse(c, "product_not_found", "there is no such product");
  const etag = productEtag(product);
  if (isKnown(c.req.header("if-none-match"), etag)) return replyText(c, 304, null, { etag });
  return reply(c, 200, inventoryOf(product), { etag });
}
