/** Contract B: the FastAPI service. Reserving takes the units for good: a sale without a hold. */
import { productOf, replenishedOf, reservedOf, statusOf } from "#compat/fastapi/map";
import { unknownProduct, validate, validateBody, word } from "#compat/fastapi/faults";
import * as wire from "#compat/fastapi/wire";
import type { Contract } from "#http/contract";
import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { keyReused, Problem } from "#http/problem";
import { lagHeader, nextLink, replayHeader, reply } from "#http/reply";
import { openTo, route, type Edge, type Route } from "#http/routes/route";
import { initialize } from "#inventory/initialize";
import { listProducts } from "#inventory/list-products";
import { Sku, type Product, type ProductId } from "#inventory/model";
import { readProduct } from "#inventory/read-product";
import { restock } from "#inventory/restock";
import { sell } from "#inventory/sell";

const NAME = "fastapi";
const BASE = "/inventory";
const PRODUCT = `${BASE}/:product_id`;

/** Rows of one answer; a Link leads to the next. */
const ROWS_MAX = 1000;

export const fastapi: Contract = {
  name: NAME,
  prefixes: [BASE],
  word,
  errorBody: wire.ErrorBody,
  knowsTokens: false,
  routes: (edge) => [
    listRoute(edge),
    createRoute(edge),
    showRoute(edge),
    statusRoute(edge),
    reserveRoute(edge),
    replenishRoute(edge),
  ],
};

function listRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: BASE,
    summary: "Products",
    answers: { 200: wire.ListAnswer },
    headers: ["Link", "Ledger-Lag"],
    roles: "public",
    handlers: createHandlers(validate("query", wire.ListQuery), async (c) => {
      const { cursor = null } = c.req.valid("query");
      const query = { q: null, status: null, location: null, cursor, limit: ROWS_MAX };
      const { page, lag } = await listProducts(deps, c.get("request"), query);
      const products = page.items.map(productOf);
      const headers = { ...lagHeader(lag), ...nextLink(BASE, page.nextCursor) };
      return reply(c, 200, { count: products.length, products }, headers);
    }),
  });
}

function showRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PRODUCT,
    summary: "A product",
    answers: { 200: wire.ProductAnswer },
    refusals: ["product_not_found"],
    roles: "public",
    handlers: createHandlers(validate("param", wire.ProductParam), async (c) => {
      const { product_id: productId } = c.req.valid("param");
      return reply(c, 200, productOf(await known(deps, c, productId)));
    }),
  });
}

function statusRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: `${PRODUCT}/status`,
    summary: "How a product stands",
    answers: { 200: wire.StatusAnswer },
    refusals: ["product_not_found"],
    roles: "public",
    handlers: createHandlers(validate("param", wire.ProductParam), async (c) => {
      const { product_id: productId } = c.req.valid("param");
      const product = await known(deps, c, productId);
      return reply(c, 200, statusOf(product, deps.clock.now()));
    }),
  });
}

function createRoute(edge: Edge): Route {
  return route({
    ...openTo(edge, NAME),
    method: "POST",
    path: BASE,
    summary: "Add a product",
    answers: { 200: wire.CreatedAnswer },
    refusals: ["already_exists"],
    handlers: createHandlers(validateBody(wire.CreateBody), async (c) => {
      const { product_id: productId, name, quantity, price } = c.req.valid("json");
      // It knows no SKU: the product's id is one.
      const sku = Sku.parse(productId);
      const input = { productId, sku, name, price, initialStock: quantity };
      const outcome = await initialize(edge.deps, contextOf(c), input);
      switch (outcome.kind) {
        case "initialized": {
          const body = {
            message: "Product added successfully",
            product: productOf(outcome.product),
          };
          return reply(c, 200, body, replayHeader(outcome.replayed));
        }
        case "exists":
          throw new Problem("already_exists", `Product ${productId} already exists`);
        case "sku_taken":
          throw new Problem("already_exists", `SKU ${productId} is that of ${outcome.productId}`);
        case "key_reused":
          throw keyReused();
      }
    }),
  });
}

function reserveRoute(edge: Edge): Route {
  return route({
    ...openTo(edge, NAME),
    method: "PUT",
    path: `${PRODUCT}/reserve`,
    summary: "Take units for good",
    answers: { 200: wire.ReservedAnswer },
    refusals: ["insufficient_stock", "product_not_found"],
    handlers: createHandlers(
      validate("param", wire.ProductParam),
      validateBody(wire.QuantityBody),
      async (c) => {
        const { product_id: productId } = c.req.valid("param");
        const { quantity } = c.req.valid("json");
        const whole = { location: null, orderId: null, customerId: null, expectedQuantity: null };
        const outcome = await sell(edge.deps, contextOf(c), { productId, quantity, ...whole });
        switch (outcome.kind) {
          case "sold": {
            const body = reservedOf(outcome.product, quantity);
            return reply(c, 200, body, replayHeader(outcome.replayed));
          }
          case "insufficient": {
            const there = outcome.lines[0]?.available ?? 0;
            const message = `Insufficient stock. Available: ${there}, Requested: ${quantity}`;
            throw new Problem("insufficient_stock", message);
          }
          case "unknown_product":
            throw unknownProduct(productId);
          case "key_reused":
            throw keyReused();
          case "above_quota":
          case "expected_mismatch":
            throw new Error(`a sale of nobody that expects nothing was answered ${outcome.kind}`);
        }
      },
    ),
  });
}

function replenishRoute(edge: Edge): Route {
  return route({
    ...openTo(edge, NAME),
    method: "PUT",
    path: `${PRODUCT}/replenish`,
    summary: "Add units",
    answers: { 200: wire.ReplenishedAnswer },
    refusals: ["limit_exceeded", "product_not_found"],
    handlers: createHandlers(
      validate("param", wire.ProductParam),
      validateBody(wire.QuantityBody),
      async (c) => {
        const { product_id: productId } = c.req.valid("param");
        const { quantity } = c.req.valid("json");
        const outcome = await restock(edge.deps, contextOf(c), { productId, quantity });
        switch (outcome.kind) {
          case "adjusted": {
            const body = replenishedOf(outcome.product, quantity);
            return reply(c, 200, body, replayHeader(outcome.replayed));
          }
          case "above_limit": {
            const message = `Stock limit reached. On hand: ${outcome.onHand}`;
            throw new Problem("limit_exceeded", message);
          }
          case "unknown_product":
            throw unknownProduct(productId);
          case "key_reused":
            throw keyReused();
        }
      },
    ),
  });
}

async function known(deps: Edge["deps"], c: EdgeContext, productId: ProductId): Promise<Product> {
  const product = await readProduct(deps, c.get("request"), productId);
  if (product === null) throw unknownProduct(productId);
  return product;
}
