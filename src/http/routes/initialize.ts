import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { productEtag } from "#http/middleware/conditional";
import { PATHS } from "#http/paths";
import { refusal, replayHeader, send, type Answer } from "#http/reply";
import { keyReused } from "#http/routes/refusals";
import { route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validateBody } from "#http/validate";
import { Changed } from "#http/wire/answers";
import { InitializeBody } from "#http/wire/bodies";
import { inventoryOf } from "#http/wire/objects";
import { initialize } from "#inventory/initialize";
import type { InitializeOutcome } from "#inventory/ports";

export function initializeRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.initialize,
    summary: "Begin the stock of a product",
    answers: { 201: Changed },
    headers: ["ETag"],
    refusals: ["already_exists"],
    roles: STAFF,
    mutation: true,
    handlers: createHandlers(validateBody(InitializeBody), async (c) => {
      const outcome = await initialize(deps, contextOf(c), c.req.valid("json"));
      return send(c, initializeAnswer(c, outcome));
    }),
  });
}

export function initializeAnswer(c: EdgeContext, outcome: InitializeOutcome): Answer {
  switch (outcome.kind) {
    case "initialized": {
      const { product, replayed } = outcome;
      const body = { message: "Inventory initialized", inventory: inventoryOf(product) };
      const headers = { etag: productEtag(product), ...replayHeader(replayed) };
      return { status: 201, body, headers };
    }
    case "exists": {
      const inventory = inventoryOf(outcome.product);
      return refusal(c, "already_exists", "this product exists already", { inventory });
    }
    case "sku_taken": {
      const { productId, product } = outcome;
      const inventory = product === null ? null : inventoryOf(product);
      return refusal(c, "already_exists", `this SKU is ${productId}'s`, { inventory });
    }
    case "key_reused":
      return keyReused(c);
  }
}
