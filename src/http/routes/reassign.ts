import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { PATHS } from "#http/paths";
import { refusal, send, type Answer } from "#http/reply";
import { answerHold, type Verb } from "#http/routes/end-reservation";
import { route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validate, validateBody } from "#http/validate";
import { Ended } from "#http/wire/answers";
import { OwnerBody } from "#http/wire/bodies";
import { ReservationParam } from "#http/wire/fields";
import { reservationOf } from "#http/wire/objects";
import type { HoldLimit, ReassignRefusal } from "#inventory/hold-ports";
import { CART_LINES_MAX, PLACES_MAX, QUANTITY_MAX } from "#inventory/model";
import { reassign, type ReassignAnswer } from "#inventory/reassign";

const REASSIGN: Verb = { message: "Reservation reassigned", welcome: [] };

/** How much it is, and of what. */
const MOST: Readonly<Record<HoldLimit, { limit: number; of: string }>> = {
  products: { limit: CART_LINES_MAX, of: "products" },
  places: { limit: PLACES_MAX, of: "places, each a product at a location" },
  units: { limit: QUANTITY_MAX, of: "units of a product" },
};

export function reassignRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.reassign,
    summary: "Give a reservation to another customer or order",
    notes:
      "None of its units is free in between. Where the new owner has a live reservation of the same " +
      "kind (of that product, or a cart), the units are added to it, and it is due when the later one " +
      "of the two is, as far as the longest life allows. The reservation that was asked about ends.",
    answers: { 200: Ended },
    refusals: [
      "order_already_confirmed",
      "limit_exceeded",
      "reservation_standing",
      "reservation_confirmed",
      "reservation_cancelled",
      "reservation_replaced",
      "reservation_reassigned",
      "reservation_expired",
      "reservation_not_found",
    ],
    roles: STAFF,
    mutation: true,
    counted: "with_its_command",
    handlers: createHandlers(
      validate("param", ReservationParam),
      validateBody(OwnerBody),
      async (c) => {
        const { reservationId } = c.req.valid("param");
        const { customerId = null, orderId = null } = c.req.valid("json");
        const input = { reservationId, customerId, orderId };
        return send(c, answer(c, await reassign(deps, contextOf(c), input)));
      },
    ),
  });
}

/** A refusal shows the hold that is in the way: the one that was asked about, or the new owner's. */
function answer(c: EdgeContext, outcome: ReassignAnswer): Answer {
  switch (outcome.kind) {
    case "standing": {
      const message = "a standing reservation stays its owner's, and takes in no other";
      return refusal(c, "reservation_standing", message, told(outcome));
    }
    case "already_confirmed": {
      const message = "stock of this order was confirmed before";
      return refusal(c, "order_already_confirmed", message, told(outcome));
    }
    case "above_hold_limit": {
      const { limit, of } = MOST[outcome.limit];
      const message = `a reservation takes at most ${limit} ${of}`;
      return refusal(c, "limit_exceeded", message, { limit, ...told(outcome) });
    }
    case "done":
    case "confirmed":
    case "cancelled":
    case "expired":
    case "replaced":
    case "reassigned":
    case "unknown_reservation":
    case "key_reused":
      return answerHold(c, REASSIGN, outcome);
  }
}

const told = ({ reservation }: ReassignRefusal) => ({ reservation: reservationOf(reservation) });
