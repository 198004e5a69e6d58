import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { productEtag } from "#http/middleware/conditional";
import { PATHS } from "#http/paths";
import { refuse, replayHeader, reply } from "#http/reply";
import { keyReused } from "#http/routes/refusals";
import { route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validateBody } from "#http/validate";
import { InitializeBody } from "#http/wire/bodies";
import { inventoryOf } from "#http/wire/objects";
import { initialize } from "#inventory/initialize";
import type { InitializeOutcome } from "#inventory/ports";

export function initializeRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.initialize,
    roles: STAFF,
    mutation: true,
    handlers: createHandlers(validateBody(InitializeBody), async (c) => {
      return answer(c, await initialize(deps, contextOf(c), c.req.valid("json")));
    }),
  });
}

function answer(c: EdgeContext, outcome: InitializeOutcome): Response {
  switch (outcome.kind) {
    case "initialized": {
      const { product, replayed } = outcome;
      const body = { message: "Inventory initialized", inventory: inventoryOf(product) };
      return reply(c, 201, body, { etag: productEtag(product), ...replayHeader(replayed) });
    }
    case "exists": {
      const inventory = inventoryOf(outcome.product);
      return refuse(c, "already_exists", "this product exists already", { inventory });
    }
    case "sku_taken": {
      const { productId, product } = outcome;
      const inventory = product === null ? null : inventoryOf(product);
      return refuse(c, "already_exists", `this SKU is ${productId}'s`, { inventory });
    }
    case "key_reused":
      return keyReused(c);
  }
}
