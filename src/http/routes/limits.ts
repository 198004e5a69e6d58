/** Limits that have a name: how many units of some products, or of all, one customer may have. */
import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { etagOf, expectedSeq } from "#http/middleware/conditional";
import { PATHS } from "#http/paths";
import { refusal, replayHeader, reply, send, type Answer } from "#http/reply";
import { keyReused, unknownProduct } from "#http/routes/refusals";
import { route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validate, validateBody, validateOptionalBody } from "#http/validate";
import { Limit, LimitPut, Limits } from "#http/wire/limit-answers";
import { EmptyBody, LimitBody } from "#http/wire/bodies";
import { LimitParam } from "#http/wire/fields";
import { limitOf } from "#http/wire/objects";
import type { PutLimitOutcome, RemoveLimitOutcome } from "#inventory/limit-ports";
import { LIMITS_MAX, LIMITS_OF_PRODUCT_MAX } from "#inventory/limits";
import { putLimit, removeLimit } from "#inventory/put-limit";

export const limitRoutes = (edge: Edge): readonly Route[] => [
  limitsRoute(edge),
  limitRoute(edge),
  putLimitRoute(edge),
  removeLimitRoute(edge),
];

function limitsRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.limits,
    summary: "Every limit that has a name, by id",
    answers: { 200: Limits },
    roles: STAFF,
    handlers: createHandlers(async (c) => {
      const limits = await deps.store.limits(c.get("request").deadline);
      return reply(c, 200, { limits: limits.map(limitOf) });
    }),
  });
}

function limitRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.limit,
    summary: "One limit",
    answers: { 200: Limit },
    headers: ["ETag"],
    refusals: ["limit_not_found"],
    roles: STAFF,
    handlers: createHandlers(validate("param", LimitParam), async (c) => {
      const { limitId } = c.req.valid("param");
      const limits = await deps.store.limits(c.get("request").deadline);
      const found = limits.find((limit) => limit.limitId === limitId);
      if (!found) return send(c, unknownLimit(c, limitId));
      return reply(c, 200, limitOf(found), { etag: etagOf(found.version) });
    }),
  });
}

function putLimitRoute({ deps }: Edge): Route {
  return route({
    method: "PUT",
    path: PATHS.limit,
    summary: "Make a limit of what one customer may have, or another one of it",
    notes:
      "It goes on counting where only its numbers change; with other products, another window or another count it begins anew, with nothing counted.",
    answers: { 200: LimitPut, 201: LimitPut },
    headers: ["ETag"],
    refusals: [
      "expected_mismatch",
      "limit_exceeded",
      "limit_not_found",
      "limit_spans_partitions",
      "product_not_found",
      "too_many_items",
    ],
    conditional: true,
    roles: STAFF,
    mutation: true,
    handlers: createHandlers(validate("param", LimitParam), validateBody(LimitBody), async (c) => {
      const { limitId } = c.req.valid("param");
      const expectedVersion = expectedSeq(c.req.header("if-match"));
      const input = { limitId, expectedVersion, ...c.req.valid("json") };
      return send(c, putAnswer(c, limitId, await putLimit(deps, contextOf(c), input)));
    }),
  });
}

function removeLimitRoute({ deps }: Edge): Route {
  return route({
    method: "DELETE",
    path: PATHS.limit,
    summary: "Remove a limit, and what it counted",
    answers: { 200: LimitPut },
    refusals: ["expected_mismatch", "limit_not_found"],
    conditional: true,
    roles: STAFF,
    mutation: true,
    handlers: createHandlers(
      validate("param", LimitParam),
      validateOptionalBody(EmptyBody),
      async (c) => {
        const { limitId } = c.req.valid("param");
        const expectedVersion = expectedSeq(c.req.header("if-match"));
        const outcome = await removeLimit(deps, contextOf(c), { limitId, expectedVersion });
        return send(c, removeAnswer(c, limitId, outcome));
      },
    ),
  });
}

const PUT_MESSAGES = { made: "Limit made", put: "Limit changed", kept: "Limit unchanged" } as const;

function putAnswer(c: EdgeContext, limitId: string, outcome: PutLimitOutcome): Answer {
  switch (outcome.kind) {
    case "made":
    case "put":
    case "kept": {
      const { limit, replayed } = outcome;
      const headers = { etag: etagOf(limit.version), ...replayHeader(replayed) };
      const body = { message: PUT_MESSAGES[outcome.kind], limit: limitOf(limit) };
      return { status: outcome.kind === "made" ? 201 : 200, body, headers };
    }
    case "unknown_product":
      return unknownProduct(c, outcome.productId);
    case "spans_partitions": {
      const message = "no one partition has all of its products, or it is in another one than they";
      return refusal(c, "limit_spans_partitions", message);
    }
    case "too_many_limits": {
      const message = `there are ${LIMITS_MAX} limits already, as many as there may be`;
      return refusal(c, "limit_exceeded", message, { limit: LIMITS_MAX });
    }
    case "too_many_of_product": {
      const over = outcome.productId ?? "all products";
      const message = `there are ${LIMITS_OF_PRODUCT_MAX} limits over ${over} already, as many as there may be`;
      const members = { field: "products", limit: LIMITS_OF_PRODUCT_MAX };
      return refusal(c, "limit_exceeded", message, members);
    }
    case "expected_mismatch":
    case "unknown_limit":
    case "key_reused":
      return refused(c, limitId, outcome);
  }
}

function removeAnswer(c: EdgeContext, limitId: string, outcome: RemoveLimitOutcome): Answer {
  if (outcome.kind !== "removed") return refused(c, limitId, outcome);
  const { limit, replayed } = outcome;
  const body = { message: "Limit removed", limit: limitOf(limit) };
  return { status: 200, body, headers: { etag: etagOf(limit.version), ...replayHeader(replayed) } };
}

type Refused = Exclude<RemoveLimitOutcome, { readonly kind: "removed" }>;

function refused(c: EdgeContext, limitId: string, outcome: Refused): Answer {
  switch (outcome.kind) {
    case "expected_mismatch": {
      const message = "the limit changed since the caller read it";
      return refusal(c, "expected_mismatch", message, { current: limitOf(outcome.limit) });
    }
    case "unknown_limit":
      return unknownLimit(c, limitId);
    case "key_reused":
      return keyReused(c);
  }
}

const unknownLimit = (c: EdgeContext, limitId: string): Answer =>
  refusal(c, "limit_not_found", `there is no limit ${limitId}`);
