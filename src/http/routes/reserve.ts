import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { PATHS } from "#http/paths";
import { refuse, replayHeader, reply } from "#http/reply";
import { insufficient, keyReused, unknownProduct } from "#http/routes/refusals";
import { ANY_ROLE, route, type Edge, type Route } from "#http/routes/route";
import { validate, validateBody } from "#http/validate";
import { ReserveBody, ReserveCartBody } from "#http/wire/bodies";
import { ProductParam } from "#http/wire/fields";
import { reservationOf } from "#http/wire/objects";
import type { Reservation } from "#inventory/model";
import { CART_SCOPE } from "#inventory/owner";
import type { ReserveOutcome } from "#inventory/ports";
import { reserve } from "#inventory/reserve";

export function reserveRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.reserve,
    roles: ANY_ROLE,
    mutation: true,
    handlers: createHandlers(
      validate("param", ProductParam),
      validateBody(ReserveBody),
      async (c) => {
        const { productId } = c.req.valid("param");
        const { quantity, orderId, location = null, ...hold } = c.req.valid("json");
        const { customerId = null, expirationMinutes = null } = hold;
        const outcome = await reserve(deps, contextOf(c), {
          orderId,
          customerId,
          scope: productId,
          lines: [{ productId, quantity, location }],
          expirationMinutes,
        });
        return answer(c, outcome);
      },
    ),
  });
}

export function reserveCartRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.reservations,
    roles: ANY_ROLE,
    mutation: true,
    bulk: true,
    handlers: createHandlers(validateBody(ReserveCartBody), async (c) => {
      const { orderId, items, customerId = null, expirationMinutes = null } = c.req.valid("json");
      const lines = items.map(({ productId, quantity, location = null }) => {
        return { productId, quantity, location };
      });
      const input = { orderId, customerId, scope: CART_SCOPE, lines, expirationMinutes } as const;
      return answer(c, await reserve(deps, contextOf(c), input));
    }),
  });
}

function answer(c: EdgeContext, outcome: ReserveOutcome): Response {
  switch (outcome.kind) {
    case "reserved":
      return reserved(c, outcome.reservation, false);
    case "held":
      return reserved(c, outcome.reservation, outcome.replayed);
    case "already_confirmed": {
      const reservation = reservationOf(outcome.reservation);
      const message = "stock of this order was confirmed before";
      return refuse(c, "order_already_confirmed", message, { reservation });
    }
    case "insufficient":
      return insufficient(c, outcome.lines);
    case "unknown_product":
      return unknownProduct(c, outcome.productId);
    case "key_reused":
      return keyReused(c);
  }
}

/** The same body for a new hold and for one that stands, as a repeated call must hear the same. */
function reserved(c: EdgeContext, reservation: Reservation, replayed: boolean): Response {
  const body = { message: "Stock reserved", reservation: reservationOf(reservation) };
  return reply(c, 201, body, replayHeader(replayed));
}
