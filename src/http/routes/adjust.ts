import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { expectedSeq, productEtag } from "#http/middleware/conditional";
import { PATHS } from "#http/paths";
import { Problem } from "#http/problem";
import { replayHeader, send, type Answer } from "#http/reply";
import {
  aboveLimit,
  belowReserved,
  expectedMismatch,
  keyReused,
  unknownProduct,
} from "#http/routes/refusals";
import { route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validate, validateBody } from "#http/validate";
import { Changed } from "#http/wire/answers";
import { AdjustBody, type AdjustItem } from "#http/wire/bodies";
import { ProductParam } from "#http/wire/fields";
import { inventoryOf } from "#http/wire/objects";
import { adjust, type AdjustInput } from "#inventory/adjust";
import type { Deps, RequestContext } from "#inventory/context";
import type { AdjustOutcome } from "#inventory/ports";

export function adjustRoute({ deps }: Edge): Route {
  return route({
    method: "PATCH",
    path: PATHS.stock,
    summary: "Change stock by a signed quantity",
    answers: { 200: Changed },
    refusals: [
      "below_reserved",
      "limit_exceeded",
      "expected_mismatch",
      "role_required",
      "product_not_found",
    ],
    conditional: true,
    roles: STAFF,
    mutation: true,
    handlers: createHandlers(
      validate("param", ProductParam),
      validateBody(AdjustBody),
      async (c) => {
        const { productId } = c.req.valid("param");
        const item = { productId, ...c.req.valid("json") };
        const version = expectedSeq(c.req.header("if-match"));
        return send(c, await answerAdjust(deps, c, contextOf(c), item, version));
      },
    ),
  });
}

/** Adjusts as the body says, and words what came of it. */
export async function answerAdjust(
  deps: Deps,
  c: EdgeContext,
  ctx: RequestContext,
  item: AdjustItem,
  version: number | null,
): Promise<Answer> {
  requireRole(ctx, item);
  const { location = null, expectedQuantity = null, ...rest } = item;
  const input = { ...rest, location, expectedQuantity, expectedSeq: version };
  return answer(c, input, await adjust(deps, ctx, input));
}

/** Of this contract: others take restocks from services as well. */
function requireRole({ caller }: RequestContext, { type }: AdjustItem): void {
  if (caller.role === "admin" || type === "RETURN") return;
  const message = "a service may only RETURN stock; everything else needs an admin";
  throw new Problem("role_required", message);
}

function answer(c: EdgeContext, input: AdjustInput, outcome: AdjustOutcome): Answer {
  const { productId, location, quantity } = input;
  switch (outcome.kind) {
    case "adjusted": {
      const { product, replayed } = outcome;
      const body = { message: "Stock updated", inventory: inventoryOf(product) };
      const headers = { etag: productEtag(product), ...replayHeader(replayed) };
      return { status: 200, body, headers };
    }
    case "below_reserved":
      return belowReserved(c, location, -quantity, outcome);
    case "above_limit":
      return aboveLimit(c, outcome, location);
    case "expected_mismatch":
      return expectedMismatch(c, outcome.product);
    case "unknown_product":
      return unknownProduct(c, productId);
    case "key_reused":
      return keyReused(c);
  }
}
