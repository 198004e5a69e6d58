import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { productEtag } from "#http/middleware/conditional";
import { PATHS } from "#http/paths";
import { refusal, replayHeader, send, type Answer } from "#http/reply";
import { aboveLimit, keyReused, unknownProduct } from "#http/routes/refusals";
import { route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validate, validateBody } from "#http/validate";
import { Returned } from "#http/wire/answers";
import { ReturnBody } from "#http/wire/bodies";
import { ProductParam } from "#http/wire/fields";
import { inventoryOf } from "#http/wire/objects";
import type { ReturnOutcome } from "#inventory/ports";
import { returnStock, type ReturnInput } from "#inventory/return-stock";

export function returnRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.return,
    summary: "Take back units that an order bought",
    answers: { 200: Returned },
    headers: ["ETag"],
    refusals: ["limit_exceeded", "product_not_found"],
    roles: STAFF,
    mutation: true,
    handlers: createHandlers(
      validate("param", ProductParam),
      validateBody(ReturnBody),
      async (c) => {
        const { productId } = c.req.valid("param");
        const { customerId = null, location = null, ...body } = c.req.valid("json");
        const input = { ...body, productId, customerId, location };
        return send(c, answer(c, input, await returnStock(deps, contextOf(c), input)));
      },
    ),
  });
}

function answer(c: EdgeContext, input: ReturnInput, outcome: ReturnOutcome): Answer {
  const { productId, orderId, quantity, disposition } = input;
  switch (outcome.kind) {
    case "returned": {
      const { product, sold, returned, replayed } = outcome;
      const done = { productId, orderId, quantity, disposition, ...sumsOf(sold, returned) };
      const body = { message: "Stock returned", inventory: inventoryOf(product), returned: done };
      const headers = { etag: productEtag(product), ...replayHeader(replayed) };
      return { status: 200, body, headers };
    }
    case "exceeds_sold": {
      const sums = sumsOf(outcome.sold, outcome.returned);
      const message = `${sums.returnable} units of that order may come back: ${sums.sold} were sold, ${sums.returned} are back`;
      return refusal(c, "limit_exceeded", message, { ...sums, requested: quantity });
    }
    case "above_limit":
      return aboveLimit(c, outcome, input.location);
    case "unknown_product":
      return unknownProduct(c, productId);
    case "key_reused":
      return keyReused(c);
  }
}

function sumsOf(sold: number, returned: number) {
  return { sold, returned, returnable: Math.max(0, sold - returned) };
}
