/**
 * Contract C: the inventory service of the registry stack. Its holds have no id and no due time: a
 * product, or an order of a product, has one on which release and deduct draw.
 */
import { unknownItem, validate, validateAdded, word } from "#compat/eureka/faults";
import { itemOf, itemOfProduct } from "#compat/eureka/map";
import * as wire from "#compat/eureka/wire";
import type { Contract } from "#http/contract";
import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { keyReused, Problem } from "#http/problem";
import { lagHeader, nextLink, replayHeader, reply } from "#http/reply";
import { openTo, route, type Edge, type Route } from "#http/routes/route";
import { addToStanding } from "#inventory/add-to-standing";
import { count } from "#inventory/count";
import { deductStanding } from "#inventory/deduct-standing";
import { listProducts } from "#inventory/list-products";
import { Location, Sku } from "#inventory/model";
import { readProduct } from "#inventory/read-product";
import { releaseStanding } from "#inventory/release-standing";
import { stockOf } from "#inventory/standing";
import { stockUp } from "#inventory/stock-up";
import { SERVICE } from "#registry/instance";

const NAME = "eureka";
const BASE = "/api/inventory";
const ITEM = `${BASE}/:productId`;
const INFO = "/info";

/** Rows of one answer; a Link leads to the next. */
const ROWS_MAX = 1000;

/** Where a new product is, unless its caller says. */
const HOME = Location.parse("Warehouse A");

export const eureka: Contract = {
  name: NAME,
  prefixes: [BASE, INFO],
  word,
  errorBody: wire.ErrorBody,
  knowsTokens: false,
  routes: (edge) => [
    infoRoute(edge),
    listRoute(edge),
    addRoute(edge),
    showRoute(edge),
    countRoute(edge),
    reserveRoute(edge),
    drawRoute(edge, "release", releaseStanding),
    drawRoute(edge, "deduct", deductStanding),
  ],
};

function infoRoute({ surroundings: { instanceId, version } }: Edge): Route {
  return route({
    method: "GET",
    path: INFO,
    summary: "Who this is in the registry",
    answers: { 200: wire.InfoAnswer },
    roles: "public",
    handlers: createHandlers((c: EdgeContext) =>
      reply(c, 200, { service: SERVICE, instanceId: instanceId(), version }),
    ),
  });
}

function listRoute({ deps, surroundings }: Edge): Route {
  return route({
    method: "GET",
    path: BASE,
    summary: "All stock, with the product service's details",
    answers: { 200: wire.ListAnswer },
    headers: ["Link", "Ledger-Lag"],
    roles: "public",
    handlers: createHandlers(validate("query", wire.ListQuery), async (c) => {
      const { cursor = null } = c.req.valid("query");
      const query = { q: null, status: null, location: null, cursor, limit: ROWS_MAX };
      const { page, lag } = await listProducts(deps, c.get("request"), query);
      const known = await surroundings.productsOf(page.items.map(({ productId }) => productId));
      const items = page.items.map((item) => {
        const product = known.get(item.productId);
        return product ? { ...itemOfProduct(item), product } : itemOfProduct(item);
      });
      const headers = { ...lagHeader(lag), ...nextLink(BASE, page.nextCursor) };
      return reply(c, 200, items, headers);
    }),
  });
}

function showRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: ITEM,
    summary: "Stock of a product",
    answers: { 200: wire.ItemAnswer },
    refusals: ["product_not_found"],
    roles: "public",
    handlers: createHandlers(validate("param", wire.ProductParam), async (c) => {
      const product = await readProduct(deps, c.get("request"), c.req.valid("param").productId);
      if (product === null) throw unknownItem();
      return reply(c, 200, itemOfProduct(product));
    }),
  });
}

function addRoute(edge: Edge): Route {
  return route({
    ...openTo(edge, NAME),
    method: "POST",
    path: BASE,
    summary: "Add stock, of a new product or one that exists",
    answers: { 200: wire.ItemAnswer, 201: wire.ItemAnswer },
    refusals: ["already_exists", "limit_exceeded"],
    handlers: createHandlers(validateAdded("json", wire.AddBody), async (c) => {
      const { productId, quantity, location } = c.req.valid("json");
      // It knows no SKU: the product's id is one.
      const sku = Sku.parse(productId);
      const input = { productId, sku, initialStock: quantity, location: location ?? HOME };
      const outcome = await stockUp(edge.deps, contextOf(c), input);
      switch (outcome.kind) {
        case "initialized":
          return answer(c, 201, itemOfProduct(outcome.product), outcome.replayed);
        case "adjusted":
          return answer(c, 200, itemOfProduct(outcome.product), outcome.replayed);
        case "exists":
          return answer(c, 200, itemOfProduct(outcome.product), false);
        case "sku_taken":
          throw new Problem("already_exists", `SKU ${sku} is that of ${outcome.productId}`);
        case "above_limit":
          throw aboveLimit(outcome.onHand);
        case "key_reused":
          throw keyReused();
      }
    }),
  });
}

function countRoute(edge: Edge): Route {
  return route({
    ...openTo(edge, NAME),
    method: "PUT",
    path: `${ITEM}/quantity`,
    summary: "Set what is at the product's home, held units included",
    answers: { 200: wire.ItemAnswer },
    refusals: ["below_reserved", "limit_exceeded", "product_not_found"],
    handlers: createHandlers(
      validate("param", wire.ProductParam),
      validate("json", wire.QuantityBody),
      async (c) => {
        const { productId } = c.req.valid("param");
        const { quantity } = c.req.valid("json");
        const input = { productId, quantity, location: null };
        const outcome = await count(edge.deps, contextOf(c), input);
        switch (outcome.kind) {
          case "counted":
            return answer(c, 200, itemOfProduct(outcome.product), outcome.replayed);
          case "below_reserved":
            throw new Problem("below_reserved", "Quantity cannot be below reserved");
          case "above_limit":
            throw aboveLimit(outcome.onHand);
          case "unknown_product":
            throw unknownItem();
          case "key_reused":
            throw keyReused();
        }
      },
    ),
  });
}

function reserveRoute(edge: Edge): Route {
  return route({
    ...openTo(edge, NAME),
    method: "POST",
    path: `${ITEM}/reserve`,
    summary: "Hold units without an end",
    answers: { 200: wire.ReservedAnswer },
    refusals: ["insufficient_stock", "product_not_found"],
    handlers: createHandlers(
      validate("param", wire.ProductParam),
      validate("json", wire.MoveBody),
      async (c) => {
        const { productId } = c.req.valid("param");
        const { quantity, orderId } = c.req.valid("json");
        const input = { contract: NAME, productId, orderId: orderId ?? null, quantity };
        const outcome = await addToStanding(edge.deps, contextOf(c), input);
        switch (outcome.kind) {
          case "reserved":
          case "held": {
            const stock = stockOf(outcome);
            const body = { ...itemOf(productId, stock), available: stock.available };
            return answer(c, 200, body, outcome.kind === "held");
          }
          case "insufficient": {
            const members = { available: outcome.lines[0]?.available ?? 0, requested: quantity };
            throw new Problem("insufficient_stock", "Insufficient inventory", { members });
          }
          case "unknown_product":
            throw unknownItem();
          case "key_reused":
            throw keyReused();
        }
      },
    ),
  });
}

const SUMMARIES = {
  release: "Give held units back",
  deduct: "Sell held units",
} as const;

/** Draws on the standing hold: its units go back, or out. */
function drawRoute(
  edge: Edge,
  verb: "release" | "deduct",
  draw: typeof releaseStanding | typeof deductStanding,
): Route {
  return route({
    ...openTo(edge, NAME),
    method: "POST",
    path: `${ITEM}/${verb}`,
    summary: SUMMARIES[verb],
    answers: { 200: wire.ItemAnswer },
    refusals: ["insufficient_stock", "product_not_found"],
    handlers: createHandlers(
      validate("param", wire.ProductParam),
      validate("json", wire.MoveBody),
      async (c) => {
        const { productId } = c.req.valid("param");
        const { quantity, orderId } = c.req.valid("json");
        const input = { contract: NAME, productId, orderId: orderId ?? null, quantity };
        const outcome = await draw(edge.deps, contextOf(c), input);
        switch (outcome.kind) {
          case "done":
            return answer(c, 200, itemOf(productId, outcome.stock), outcome.replayed);
          case "exceeds_held": {
            const message = `Cannot ${verb} more than reserved`;
            const members = { reserved: outcome.held, requested: quantity };
            throw new Problem("insufficient_stock", message, { members });
          }
          case "unknown_product":
            throw unknownItem();
          case "key_reused":
            throw keyReused();
        }
      },
    ),
  });
}

const answer = (
  c: EdgeContext,
  status: number,
  item: wire.ItemAnswer,
  replayed: boolean,
): Response => reply(c, status, item, replayHeader(replayed));

const aboveLimit = (onHand: number): Problem =>
  new Problem("limit_exceeded", `Stock limit reached. On hand: ${onHand}`);
