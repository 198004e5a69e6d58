import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { productEtag } from "#http/middleware/conditional";
import { PATHS } from "#http/paths";
import { replayHeader, send, type Answer } from "#http/reply";
import {
  aboveLimit,
  belowReserved,
  expectedMismatch,
  keyReused,
  unknownProduct,
} from "#http/routes/refusals";
import { ADMIN, route, type Edge, type Route } from "#http/routes/route";
import { validate, validateBody } from "#http/validate";
import { Changed } from "#http/wire/answers";
import { TransferBody } from "#http/wire/bodies";
import { ProductParam } from "#http/wire/fields";
import { inventoryOf } from "#http/wire/objects";
import type { TransferOutcome } from "#inventory/location-ports";
import { transfer, type TransferInput } from "#inventory/transfer";

export function transferRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.transfer,
    summary: "Move units between locations",
    answers: { 200: Changed },
    headers: ["ETag"],
    refusals: ["below_reserved", "limit_exceeded", "expected_mismatch", "product_not_found"],
    roles: ADMIN,
    mutation: true,
    handlers: createHandlers(
      validate("param", ProductParam),
      validateBody(TransferBody),
      async (c) => {
        const { productId } = c.req.valid("param");
        const { expectedQuantity = null, ...body } = c.req.valid("json");
        const input = { ...body, productId, expectedQuantity };
        return send(c, answer(c, input, await transfer(deps, contextOf(c), input)));
      },
    ),
  });
}

function answer(c: EdgeContext, input: TransferInput, outcome: TransferOutcome): Answer {
  switch (outcome.kind) {
    case "transferred": {
      const { product, replayed } = outcome;
      const body = { message: "Stock transferred", inventory: inventoryOf(product) };
      const headers = { etag: productEtag(product), ...replayHeader(replayed) };
      return { status: 200, body, headers };
    }
    case "below_reserved":
      return belowReserved(c, input.from, input.quantity, outcome);
    case "above_limit":
      return aboveLimit(c, outcome, input.to, { stock: "quantity", locations: "to" });
    case "expected_mismatch":
      return expectedMismatch(c, outcome.product);
    case "unknown_product":
      return unknownProduct(c, input.productId);
    case "key_reused":
      return keyReused(c);
  }
}
