/** Stock that is expected: noted, changed, cancelled, and received into the stock. */
import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { productEtag } from "#http/middleware/conditional";
import { cursorsOf } from "#http/page-cursor";
import { PATHS } from "#http/paths";
import { refusal, replayHeader, reply, send, type Answer } from "#http/reply";
import { aboveLimit, keyReused, unknownProduct } from "#http/routes/refusals";
import { ADMIN, route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validate, validateBody, validateOptionalBody } from "#http/validate";
import { Received } from "#http/wire/answers";
import { AmendIncomingBody, EmptyBody, IncomingBody, ReceiveBody } from "#http/wire/bodies";
import { IncomingParam } from "#http/wire/fields";
import { IncomingChanged, IncomingList } from "#http/wire/incoming-answers";
import { incomingOf, inventoryOf } from "#http/wire/objects";
import { IncomingQuery } from "#http/wire/queries";
import { amendIncoming, cancelIncoming, expectStock, listIncoming } from "#inventory/expect-stock";
import {
  outstandingOf,
  type AmendIncomingOutcome,
  type ExpectOutcome,
  type Incoming,
  type IncomingId,
} from "#inventory/incoming-ports";
import type { ProductId } from "#inventory/model";
import { receive, type ReceiveOutcome } from "#inventory/receive";

const CHANGES = {
  answers: { 200: IncomingChanged },
  refusals: ["incoming_not_found", "limit_exceeded"],
  roles: ADMIN,
  mutation: true,
  inLedgerAlone: true,
} as const;

export function incomingRoutes({ deps }: Edge): readonly Route[] {
  return [
    route({
      method: "GET",
      path: PATHS.incoming,
      summary: "Stock that is or was expected, soonest first",
      answers: { 200: IncomingList },
      roles: STAFF,
      handlers: createHandlers(validate("query", IncomingQuery), async (c) => {
        const { cursor, limit, ...filters } = c.req.valid("query");
        const { productId = null, status = null } = filters;
        const { inner, outer } = cursorsOf(PATHS.incoming, filters, cursor);
        const query = { productId, status, cursor: inner, limit };
        const { items, nextCursor } = await listIncoming(deps, c.get("request").deadline, query);
        return reply(c, 200, { items: items.map(incomingOf), nextCursor: outer(nextCursor) });
      }),
    }),
    route({
      method: "POST",
      path: PATHS.incoming,
      summary: "Note stock that is to come",
      answers: { 201: IncomingChanged },
      refusals: ["product_not_found"],
      roles: ADMIN,
      mutation: true,
      inLedgerAlone: true,
      handlers: createHandlers(validateBody(IncomingBody), async (c) => {
        const { location = null, reference = null, ...body } = c.req.valid("json");
        const input = { ...body, location, reference };
        return send(c, expectedAnswer(c, input, await expectStock(deps, contextOf(c), input)));
      }),
    }),
    route({
      ...CHANGES,
      method: "PATCH",
      path: PATHS.oneIncoming,
      summary: "Change how much is expected, and when",
      handlers: createHandlers(
        validate("param", IncomingParam),
        validateBody(AmendIncomingBody),
        async (c) => {
          const { incomingId } = c.req.valid("param");
          const changes = c.req.valid("json");
          const outcome = await amendIncoming(deps, contextOf(c), incomingId, changes);
          return send(c, amendedAnswer(c, incomingId, outcome));
        },
      ),
    }),
    route({
      ...CHANGES,
      method: "POST",
      path: PATHS.cancelIncoming,
      summary: "Expect no more of it",
      handlers: createHandlers(
        validate("param", IncomingParam),
        validateOptionalBody(EmptyBody),
        async (c) => {
          const { incomingId } = c.req.valid("param");
          const outcome = await cancelIncoming(deps, contextOf(c), incomingId);
          return send(c, amendedAnswer(c, incomingId, outcome));
        },
      ),
    }),
    route({
      ...CHANGES,
      method: "POST",
      path: PATHS.receive,
      inLedgerAlone: false,
      summary: "Bring expected stock, or a part of it, into the stock",
      answers: { 200: Received },
      headers: ["ETag"],
      refusals: [...CHANGES.refusals, "product_not_found"],
      handlers: createHandlers(
        validate("param", IncomingParam),
        validateOptionalBody(ReceiveBody),
        async (c) => {
          const { incomingId } = c.req.valid("param");
          const { quantity = null } = c.req.valid("json");
          const outcome = await receive(deps, contextOf(c), incomingId, quantity);
          return send(c, receivedAnswer(c, incomingId, quantity, outcome));
        },
      ),
    }),
  ];
}

function expectedAnswer(
  c: EdgeContext,
  { productId }: { readonly productId: ProductId },
  outcome: ExpectOutcome,
): Answer {
  switch (outcome.kind) {
    case "expected": {
      const body = { message: "Stock expected", incoming: incomingOf(outcome.incoming) };
      return { status: 201, body, headers: replayHeader(outcome.replayed) };
    }
    case "unknown_product":
      return unknownProduct(c, productId);
    case "key_reused":
      return keyReused(c);
  }
}

function amendedAnswer(
  c: EdgeContext,
  incomingId: IncomingId,
  outcome: AmendIncomingOutcome,
): Answer {
  switch (outcome.kind) {
    case "amended": {
      const body = { message: "Expected stock updated", incoming: incomingOf(outcome.incoming) };
      return { status: 200, body, headers: replayHeader(outcome.replayed) };
    }
    case "closed": {
      const { cancelled, received } = outcome.incoming;
      const why = cancelled ? "it was cancelled" : `${received} units of it came already`;
      return exceeded(c, why, outcome.incoming);
    }
    case "unknown_incoming":
      return unknownIncoming(c, incomingId);
    case "key_reused":
      return keyReused(c);
  }
}

function receivedAnswer(
  c: EdgeContext,
  incomingId: IncomingId,
  quantity: number | null,
  outcome: ReceiveOutcome,
): Answer {
  switch (outcome.kind) {
    case "received": {
      const { incoming, receipt, product, replayed } = outcome;
      const body = {
        message: "Stock received",
        received: { receipt: receipt.receipt, quantity: receipt.units },
        incoming: incomingOf(incoming),
        inventory: inventoryOf(product),
      };
      const headers = { etag: productEtag(product), ...replayHeader(replayed) };
      return { status: 200, body, headers };
    }
    case "exceeds_expected": {
      const asked = quantity === null ? "" : `, ${quantity} asked`;
      const why = `${outstandingOf(outcome.incoming)} units of it are expected${asked}`;
      return exceeded(c, why, outcome.incoming);
    }
    case "above_limit":
      return aboveLimit(c, outcome, undefined);
    case "unknown_product":
      return refusal(c, "product_not_found", "its product is gone");
    case "unknown_incoming":
      return unknownIncoming(c, incomingId);
    case "key_reused":
      return keyReused(c);
  }
}

function unknownIncoming(c: EdgeContext, incomingId: IncomingId): Answer {
  return refusal(c, "incoming_not_found", `no stock ${incomingId} is or was expected`);
}

/** The caller's picture is old; the answer brings the new one. */
function exceeded(c: EdgeContext, why: string, incoming: Incoming): Answer {
  return refusal(c, "limit_exceeded", why, { incoming: incomingOf(incoming) });
}
