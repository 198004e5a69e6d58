import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { PATHS } from "#http/paths";
import { refusal, replayHeader, send, type Answer } from "#http/reply";
import { CAMPAIGN_REFUSALS, campaignRefused } from "#http/routes/campaign-refusals";
import { aboveQuota, insufficientStock, keyReused, unknownProduct } from "#http/routes/refusals";
import { ANY_ROLE, route, type Edge, type Route } from "#http/routes/route";
import { validate, validateBody } from "#http/validate";
import { Reservable, Reserved } from "#http/wire/answers";
import { ReserveBody, ReserveCartBody } from "#http/wire/bodies";
import { ProductParam } from "#http/wire/fields";
import { reservationOf, shortLineOf } from "#http/wire/objects";
import type { Reservation } from "#inventory/model";
import { CART_SCOPE } from "#inventory/owner";
import type { ReserveOutcome, ShortLine } from "#inventory/ports";
import { reserve } from "#inventory/reserve";

export function reserveRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.reserve,
    summary: "Hold units of a product for a time",
    answers: { 200: Reservable, 201: Reserved },
    refusals: [
      "insufficient_stock",
      "limit_exceeded",
      ...CAMPAIGN_REFUSALS,
      "order_already_confirmed",
      "role_required",
      "product_not_found",
    ],
    roles: ANY_ROLE,
    mutation: true,
    counted: "with_its_command",
    handlers: createHandlers(
      validate("param", ProductParam),
      validateBody(ReserveBody),
      async (c) => {
        const { productId } = c.req.valid("param");
        const { quantity, location = null, ...hold } = c.req.valid("json");
        const { customerId = null, expirationMinutes = null } = hold;
        const outcome = await reserve(deps, contextOf(c), {
          ...hold,
          customerId,
          expirationMinutes,
          scope: productId,
          lines: [{ productId, quantity, location }],
        });
        return send(c, answer(c, outcome));
      },
    ),
  });
}

export function reserveCartRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.reservations,
    summary: "Hold a cart: all of it, or what there is",
    answers: { 200: Reservable, 201: Reserved },
    refusals: [
      "insufficient_stock",
      "limit_exceeded",
      ...CAMPAIGN_REFUSALS,
      "order_already_confirmed",
      "cart_spans_partitions",
      "role_required",
      "too_many_items",
      "product_not_found",
    ],
    roles: ANY_ROLE,
    mutation: true,
    counted: "with_its_command",
    bulk: true,
    handlers: createHandlers(validateBody(ReserveCartBody), async (c) => {
      const { items, ...hold } = c.req.valid("json");
      const { customerId = null, expirationMinutes = null } = hold;
      const lines = items.map(({ productId, quantity, location = null }) => {
        return { productId, quantity, location };
      });
      const input = { ...hold, customerId, expirationMinutes, scope: CART_SCOPE, lines } as const;
      return send(c, answer(c, await reserve(deps, contextOf(c), input)));
    }),
  });
}

function answer(c: EdgeContext, outcome: ReserveOutcome): Answer {
  switch (outcome.kind) {
    case "reserved":
      return reserved(outcome, false);
    case "held":
      return reserved(outcome, outcome.replayed);
    case "possible":
      return {
        status: 200,
        body: {
          message: outcome.short.length === 0 ? "Stock can be reserved" : PARTLY,
          dryRun: true,
          lines: outcome.lines,
          ...shortages(outcome.short),
        },
      };
    case "already_confirmed": {
      const reservation = reservationOf(outcome.reservation);
      const message = "stock of this order was confirmed before";
      return refusal(c, "order_already_confirmed", message, { reservation });
    }
    case "insufficient":
      return insufficientStock(c, outcome.lines);
    case "above_quota":
      return aboveQuota(c, outcome.lines);
    case "campaign_refused":
      return campaignRefused(c, outcome);
    case "unknown_product":
      return unknownProduct(c, outcome.productId);
    case "key_reused":
      return keyReused(c);
  }
}

const PARTLY = "A part of the stock can be reserved";

/** The same body for a new hold and for one that stands, as a repeated call must hear the same. */
function reserved(
  { reservation, short }: { reservation: Reservation; short: readonly ShortLine[] },
  replayed: boolean,
): Answer {
  const message = short.length === 0 ? "Stock reserved" : "A part of the stock is reserved";
  const body = { message, reservation: reservationOf(reservation), ...shortages(short) };
  return { status: 201, body, headers: replayHeader(replayed) };
}

/** What a best effort could not give; nothing where all was given. */
function shortages(short: readonly ShortLine[]) {
  return short.length === 0 ? {} : { shortages: short.map(shortLineOf) };
}
