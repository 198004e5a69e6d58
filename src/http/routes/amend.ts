import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { expectedSeq, productEtag } from "#http/middleware/conditional";
import { PATHS } from "#http/paths";
import { replayHeader, send, type Answer } from "#http/reply";
import { expectedMismatch, keyReused, unknownProduct } from "#http/routes/refusals";
import { route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validate, validateBody } from "#http/validate";
import { Changed } from "#http/wire/answers";
import { AmendBody } from "#http/wire/bodies";
import { ProductParam } from "#http/wire/fields";
import { inventoryOf } from "#http/wire/objects";
import { amend } from "#inventory/amend";
import type { ProductId } from "#inventory/model";
import type { AmendOutcome } from "#inventory/ports";

export function amendRoute({ deps }: Edge): Route {
  return route({
    method: "PATCH",
    path: PATHS.product,
    summary: "Change attributes of a product",
    answers: { 200: Changed },
    refusals: ["expected_mismatch", "product_not_found"],
    conditional: true,
    roles: STAFF,
    mutation: true,
    handlers: createHandlers(
      validate("param", ProductParam),
      validateBody(AmendBody),
      async (c) => {
        const { productId } = c.req.valid("param");
        const input = {
          productId,
          changes: c.req.valid("json"),
          expectedSeq: expectedSeq(c.req.header("if-match")),
        };
        return send(c, answer(c, productId, await amend(deps, contextOf(c), input)));
      },
    ),
  });
}

function answer(c: EdgeContext, productId: ProductId, outcome: AmendOutcome): Answer {
  switch (outcome.kind) {
    case "amended": {
      const { product, replayed } = outcome;
      const body = { message: "Product updated", inventory: inventoryOf(product) };
      const headers = { etag: productEtag(product), ...replayHeader(replayed) };
      return { status: 200, body, headers };
    }
    case "expected_mismatch":
      return expectedMismatch(c, outcome.product);
    case "unknown_product":
      return unknownProduct(c, productId);
    case "key_reused":
      return keyReused(c);
  }
}
