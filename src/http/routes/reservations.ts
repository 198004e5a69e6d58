import { contextOf, createHandlers } from "#http/env";
import { cursorsOf } from "#http/page-cursor";
import { PATHS } from "#http/paths";
import { lagHeader, refuse, reply } from "#http/reply";
import { ANY_ROLE, route, type Edge, type Route } from "#http/routes/route";
import { validate } from "#http/validate";
import { Reservation, Reservations } from "#http/wire/answers";
import { ReservationParam } from "#http/wire/fields";
import { reservationOf } from "#http/wire/objects";
import { ReservationsQuery } from "#http/wire/queries";
import { listReservations } from "#inventory/list-reservations";
import { readReservation } from "#inventory/read-reservation";

export function reservationRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.reservation,
    summary: "A reservation",
    answers: { 200: Reservation },
    refusals: ["reservation_not_found"],
    roles: ANY_ROLE,
    handlers: createHandlers(validate("param", ReservationParam), async (c) => {
      const { reservationId } = c.req.valid("param");
      const reservation = await readReservation(deps, contextOf(c), reservationId);
      if (reservation !== null) return reply(c, 200, reservationOf(reservation));
      return refuse(c, "reservation_not_found", "there is no such reservation");
    }),
  });
}

export function reservationsRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.reservations,
    summary: "Reservations, page by page",
    answers: { 200: Reservations },
    headers: ["Ledger-Lag"],
    roles: ANY_ROLE,
    handlers: createHandlers(validate("query", ReservationsQuery), async (c) => {
      const { cursor, limit, ...filters } = c.req.valid("query");
      const { orderId = null, customerId = null, status = null } = filters;
      const { inner, outer } = cursorsOf(PATHS.reservations, filters, cursor);
      const query = { orderId, customerId, status, cursor: inner, limit };
      const { page, lag } = await listReservations(deps, contextOf(c), query);
      const body = { items: page.items.map(reservationOf), nextCursor: outer(page.nextCursor) };
      return reply(c, 200, body, lagHeader(lag));
    }),
  });
}
