import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { etagOf } from "#http/middleware/conditional";
import { PATHS } from "#http/paths";
import { refuse, replayHeader, reply } from "#http/reply";
import { aboveLimit, expectedMismatch, keyReused, unknownProduct } from "#http/routes/refusals";
import { route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validate, validateBody } from "#http/validate";
import { AdjustBody } from "#http/wire/bodies";
import { ProductParam } from "#http/wire/fields";
import { inventoryOf } from "#http/wire/objects";
import { adjust, type AdjustInput } from "#inventory/adjust";
import type { AdjustOutcome } from "#inventory/ports";

export function adjustRoute({ deps }: Edge): Route {
  return route({
    method: "PATCH",
    path: PATHS.stock,
    roles: STAFF,
    mutation: true,
    handlers: createHandlers(
      validate("param", ProductParam),
      validateBody(AdjustBody),
      async (c) => {
        const { productId } = c.req.valid("param");
        const { location = null, expectedQuantity = null, ...body } = c.req.valid("json");
        const input = { ...body, productId, location, expectedQuantity };
        return answer(c, input, await adjust(deps, contextOf(c), input));
      },
    ),
  });
}

function answer(c: EdgeContext, input: AdjustInput, outcome: AdjustOutcome): Response {
  const { productId, location, quantity } = input;
  switch (outcome.kind) {
    case "adjusted": {
      const { product, replayed } = outcome;
      const body = { message: "Stock updated", inventory: inventoryOf(product) };
      return reply(c, 200, body, { etag: etagOf(product.seq), ...replayHeader(replayed) });
    }
    case "below_reserved": {
      const { onHand, reserved } = outcome;
      const where = location ?? "its home";
      const message = `${onHand} units are at ${where}, ${reserved} of them held: ${-quantity} cannot be taken`;
      // These are of that location alone; null is the product's home.
      const members = { location, totalStock: onHand, reservedStock: reserved };
      return refuse(c, "below_reserved", message, members);
    }
    case "above_limit":
      return aboveLimit(c, outcome.onHand);
    case "expected_mismatch":
      return expectedMismatch(c, outcome.product);
    case "unknown_product":
      return unknownProduct(c, productId);
    case "key_reused":
      return keyReused(c);
  }
}
