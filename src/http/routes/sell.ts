import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { productEtag } from "#http/middleware/conditional";
import { PATHS } from "#http/paths";
import { replayHeader, send, type Answer } from "#http/reply";
import {
  aboveQuota,
  expectedMismatch,
  insufficientStock,
  keyReused,
  unknownProduct,
} from "#http/routes/refusals";
import { route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validate, validateBody } from "#http/validate";
import { Sold } from "#http/wire/answers";
import { SellBody } from "#http/wire/bodies";
import { ProductParam } from "#http/wire/fields";
import { inventoryOf } from "#http/wire/objects";
import type { SellOutcome } from "#inventory/ports";
import { sell, type SellInput } from "#inventory/sell";

export function sellRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.sell,
    summary: "Sell units without a hold",
    answers: { 200: Sold },
    headers: ["ETag"],
    refusals: [
      "insufficient_stock",
      "waitlist",
      "limit_exceeded",
      "expected_mismatch",
      "product_not_found",
    ],
    roles: STAFF,
    mutation: true,
    handlers: createHandlers(validate("param", ProductParam), validateBody(SellBody), async (c) => {
      const { productId } = c.req.valid("param");
      const { orderId = null, customerId = null, location = null, ...body } = c.req.valid("json");
      const { expectedQuantity = null } = body;
      const input = { ...body, productId, orderId, customerId, location, expectedQuantity };
      return send(c, answer(c, input, await sell(deps, contextOf(c), input)));
    }),
  });
}

function answer(c: EdgeContext, input: SellInput, outcome: SellOutcome): Answer {
  const { productId, quantity, orderId, customerId } = input;
  switch (outcome.kind) {
    case "sold": {
      const { product, allocations, replayed } = outcome;
      const sold = { productId, quantity, orderId, customerId, allocations };
      const body = { message: "Stock sold", inventory: inventoryOf(product), sold };
      const headers = { etag: productEtag(product), ...replayHeader(replayed) };
      return { status: 200, body, headers };
    }
    case "insufficient":
      return insufficientStock(c, outcome.lines);
    case "above_quota":
      return aboveQuota(c, outcome.lines);
    case "expected_mismatch":
      return expectedMismatch(c, outcome.product);
    case "unknown_product":
      return unknownProduct(c, productId);
    case "key_reused":
      return keyReused(c);
  }
}
