/** Contract D: the NestJS service. Orders hold stock without an id and without an end. */
import { unknownProduct, validate, validateBody, word } from "#compat/nestjs/faults";
import { levelOf, SUCCESS, wrappedLevelOf } from "#compat/nestjs/map";
import * as wire from "#compat/nestjs/wire";
import type { z } from "zod";
import type { Contract } from "#http/contract";
import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { eventOperation } from "#http/middleware/idempotency";
import { requestIdOf } from "#http/middleware/request-id";
import { keyReused, Problem } from "#http/problem";
import { replayHeader, reply } from "#http/reply";
import { openTo, route, type Edge, type Route } from "#http/routes/route";
import type { RequestContext } from "#inventory/context";
import { holdStanding } from "#inventory/hold-standing";
import type { Product } from "#inventory/model";
import { readProduct } from "#inventory/read-product";
import { releaseStanding } from "#inventory/release-standing";
import { restock } from "#inventory/restock";
import { sell } from "#inventory/sell";

const NAME = "nestjs";
const BASE = "/inventory";
const VERSIONED_BASE = "/v1/api/inventory";
/** Under /inventory these alone are its own: the rest is contract B's. */
const WORDS = ["stock-levels", "update-stock", "reserve-order", "cancel-reservation"] as const;
type Word = (typeof WORDS)[number];

export const nestjs: Contract = {
  name: NAME,
  prefixes: [...WORDS.map((own) => pathOf(BASE, own)), VERSIONED_BASE],
  word,
  errorBody: wire.ErrorBody,
  knowsTokens: false,
  routes: (edge) =>
    [BASE, VERSIONED_BASE].flatMap((base) => [
      base === BASE
        ? levelRoute(edge, base, levelOf, wire.LevelAnswer)
        : levelRoute(edge, base, wrappedLevelOf, wire.WrappedLevelAnswer),
      updateRoute(edge, base),
      reserveRoute(edge, base),
      cancelRoute(edge, base),
    ]),
  headers: (c, requestId) => ({
    "x-correlation-id": requestIdOf(c.req.header("x-correlation-id") ?? requestId),
  }),
};

function pathOf(base: string, own: Word): string {
  return `${base}/${own}`;
}

function levelRoute(
  { deps }: Edge,
  base: string,
  shown: (product: Product) => object,
  answer: z.ZodType,
): Route {
  return route({
    method: "GET",
    path: `${pathOf(base, "stock-levels")}/:productId`,
    summary: "What of a product can be sold",
    answers: { 200: answer },
    refusals: ["product_not_found"],
    roles: "public",
    handlers: createHandlers(validate("param", wire.ProductParam), async (c) => {
      const { productId } = c.req.valid("param");
      const product = await readProduct(deps, c.get("request"), productId);
      if (product === null) throw unknownProduct();
      return reply(c, 200, shown(product));
    }),
  });
}

function updateRoute(edge: Edge, base: string): Route {
  return route({
    ...openTo(edge, NAME),
    method: "POST",
    path: pathOf(base, "update-stock"),
    summary: "Tell of an event that changed stock; told again, it has no second effect",
    answers: { 200: wire.SuccessAnswer },
    refusals: ["product_not_found", "insufficient_stock", "limit_exceeded"],
    handlers: createHandlers(validateBody(wire.EventBody), async (c) => {
      const event = c.req.valid("json");
      const { eventType, productId, quantity, timestamp } = event;
      const ctx = contextOf(c);
      const identity = [NAME, eventType, productId, quantity, timestamp];
      const once = { ...ctx, operation: eventOperation(ctx.operation, identity) };
      return succeeded(c, await (eventType === "stockUpdate" ? add : take)(edge, once, event));
    }),
  });
}

/** Adds an event's units; answers whether they were added before. */
async function add({ deps }: Edge, ctx: RequestContext, event: wire.StockEvent): Promise<boolean> {
  const { productId, quantity, timestamp } = event;
  const outcome = await restock(deps, ctx, { productId, quantity, reference: timestamp });
  switch (outcome.kind) {
    case "adjusted":
      return outcome.replayed;
    case "above_limit":
      throw new Problem("limit_exceeded", "no more units of this product can be kept");
    case "unknown_product":
      throw unknownProduct();
    case "key_reused":
      throw keyReused();
  }
}

/** Sells an event's units; answers whether they were sold before. */
async function take({ deps }: Edge, ctx: RequestContext, event: wire.StockEvent): Promise<boolean> {
  const { productId, quantity, timestamp } = event;
  const outcome = await sell(deps, ctx, {
    productId,
    quantity,
    location: null,
    orderId: null,
    customerId: null,
    reference: timestamp,
    expectedQuantity: null,
  });
  switch (outcome.kind) {
    case "sold":
      return outcome.replayed;
    case "insufficient":
      throw notAvailable();
    case "unknown_product":
      throw unknownProduct();
    case "key_reused":
      throw keyReused();
    case "above_quota":
    case "expected_mismatch":
      throw new Error(`a sale of nobody that expects nothing was answered ${outcome.kind}`);
  }
}

function reserveRoute(edge: Edge, base: string): Route {
  return route({
    ...openTo(edge, NAME),
    method: "PUT",
    path: `${pathOf(base, "reserve-order")}/:productId`,
    summary: "Hold units for an order, without an end",
    answers: { 200: wire.SuccessAnswer },
    refusals: ["product_not_found", "insufficient_stock", "order_already_confirmed"],
    handlers: createHandlers(
      validateBody(wire.OrderBody),
      validate("param", wire.ProductParam),
      async (c) => {
        const { productId } = c.req.valid("param");
        const { orderId, quantity } = c.req.valid("json");
        const hold = { contract: NAME, productId, orderId, quantity };
        const outcome = await holdStanding(edge.deps, contextOf(c), hold);
        switch (outcome.kind) {
          case "reserved":
            return succeeded(c, false);
          case "held":
            return succeeded(c, outcome.replayed);
          case "insufficient":
            throw notAvailable();
          case "unknown_product":
            throw unknownProduct();
          case "already_confirmed":
            throw new Problem("order_already_confirmed", "the order's stock is sold already");
          case "key_reused":
            throw keyReused();
        }
      },
    ),
  });
}

function cancelRoute(edge: Edge, base: string): Route {
  return route({
    ...openTo(edge, NAME),
    method: "PUT",
    path: `${pathOf(base, "cancel-reservation")}/:productId`,
    summary: "Give back units that an order holds",
    answers: { 200: wire.SuccessAnswer },
    refusals: ["product_not_found", "reservation_not_found"],
    handlers: createHandlers(
      validateBody(wire.OrderBody),
      validate("param", wire.ProductParam),
      async (c) => {
        const { productId } = c.req.valid("param");
        const { orderId, quantity } = c.req.valid("json");
        const part = { contract: NAME, productId, orderId, quantity };
        const outcome = await releaseStanding(edge.deps, contextOf(c), part);
        switch (outcome.kind) {
          case "done":
            return succeeded(c, outcome.replayed);
          case "exceeds_held":
            throw new Problem("reservation_not_found", `the order holds ${outcome.held} units`);
          case "unknown_product":
            throw unknownProduct();
          case "key_reused":
            throw keyReused();
        }
      },
    ),
  });
}

const succeeded = (c: EdgeContext, replayed: boolean): Response =>
  reply(c, 200, SUCCESS, replayHeader(replayed));

const notAvailable = (): Problem =>
  new Problem("insufficient_stock", "there are fewer units than that");
