/** Who waits for a product: join its line, leave it, ask for one's place, and see all of it. */
import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { cursorsOf } from "#http/page-cursor";
import { PATHS } from "#http/paths";
import { refusal, refuse, replayHeader, reply, send, type Answer } from "#http/reply";
import { aboveQuota, keyReused, unknownProduct } from "#http/routes/refusals";
import { ADMIN, ANY_ROLE, route, type Edge, type Route } from "#http/routes/route";
import { validate, validateBody } from "#http/validate";
import { ProductParam } from "#http/wire/fields";
import { reservationOf } from "#http/wire/objects";
import {
  JoinBody,
  LeaveBody,
  Placed,
  PlaceInLine,
  placeOf,
  Places,
  PlacesQuery,
  WaiterQuery,
  waiterOf,
} from "#http/wire/waitlist";
import type { ProductId } from "#inventory/model";
import { joinWaitlist, leaveWaitlist, listWaitlist, placeInWaitlist } from "#inventory/waitlist";
import {
  WAITING_MAX,
  WAITS_MAX,
  type InLine,
  type JoinOutcome,
  type LeaveOutcome,
  type NotInLine,
  type Offered,
} from "#inventory/waitlist-ports";

export const waitlistRoutes = (edge: Edge): readonly Route[] => [
  joinRoute(edge),
  placeRoute(edge),
  leaveRoute(edge),
  placesRoute(edge),
];

function joinRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.waitlist,
    summary: "Wait for units of a product, in line",
    notes:
      "Units that become free are offered to the first in line, as the reservation that is named here: it " +
      "gets what it asks for, or as much as there is, and has left the line. An offer that lapses goes to " +
      "the next. To ask again tells the place; for another quantity it keeps it. 200 where a reservation " +
      "of this order lives already. While anybody waits, nobody else can reserve what is free.",
    answers: { 200: Placed, 201: Placed },
    refusals: [
      "units_available",
      "limit_exceeded",
      "order_already_confirmed",
      "role_required",
      "product_not_found",
    ],
    roles: ANY_ROLE,
    mutation: true,
    counted: "with_its_command",
    handlers: createHandlers(validate("param", ProductParam), validateBody(JoinBody), async (c) => {
      const { productId } = c.req.valid("param");
      const { quantity, orderId, customerId = null, ...hold } = c.req.valid("json");
      const { expirationMinutes = null } = hold;
      const input = { productId, orderId, customerId, quantity, expirationMinutes };
      return send(c, joined(c, productId, await joinWaitlist(deps, contextOf(c), input)));
    }),
  });
}

function leaveRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.leaveWaitlist,
    summary: "Leave the line of a product",
    notes:
      "What was offered stays: cancel that reservation. Who does not wait hears that it does not.",
    answers: { 200: Placed },
    refusals: ["role_required", "product_not_found"],
    roles: ANY_ROLE,
    mutation: true,
    counted: "with_its_command",
    handlers: createHandlers(
      validate("param", ProductParam),
      validateBody(LeaveBody),
      async (c) => {
        const { productId } = c.req.valid("param");
        const { orderId, customerId = null } = c.req.valid("json");
        const input = { productId, orderId, customerId };
        return send(c, left(c, productId, await leaveWaitlist(deps, contextOf(c), input)));
      },
    ),
  });
}

function placeRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.waitlist,
    summary: "An order's place in the line of a product",
    answers: { 200: PlaceInLine },
    refusals: ["role_required", "product_not_found"],
    roles: ANY_ROLE,
    handlers: createHandlers(
      validate("param", ProductParam),
      validate("query", WaiterQuery),
      async (c) => {
        const { productId } = c.req.valid("param");
        const { orderId, customerId = null } = c.req.valid("query");
        const input = { productId, orderId, customerId };
        const standing = await placeInWaitlist(deps, contextOf(c), input);
        if (standing.kind === "unknown_product") return send(c, unknownProduct(c, productId));
        return reply(c, 200, placeOf(productId, standing));
      },
    ),
  });
}

function placesRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.waitlistPlaces,
    summary: "Who waits for a product, first in line first, page by page",
    answers: { 200: Places },
    refusals: ["product_not_found"],
    roles: ADMIN,
    handlers: createHandlers(
      validate("param", ProductParam),
      validate("query", PlacesQuery),
      async (c) => {
        const { productId } = c.req.valid("param");
        const { cursor, limit } = c.req.valid("query");
        const { inner, outer } = cursorsOf(PATHS.waitlistPlaces, { productId }, cursor);
        const after = Number(inner ?? "0");
        const page = await listWaitlist(deps, contextOf(c), { productId, after, limit });
        if (page === null)
          return refuse(c, "product_not_found", `there is no product ${productId}`);
        const last = page.waiters.length < limit ? undefined : page.waiters.at(-1);
        const nextCursor = outer(last === undefined ? null : String(last.joinedSeq));
        const items = page.waiters.map(waiterOf);
        return reply(c, 200, { waiting: page.waiting, items, nextCursor });
      },
    ),
  });
}

function joined(c: EdgeContext, productId: ProductId, outcome: JoinOutcome): Answer {
  switch (outcome.kind) {
    case "waiting":
      return placed(productId, outcome, {
        status: 201,
        message: "In line",
        replayed: outcome.replayed,
      });
    case "offered":
      return placed(productId, outcome, { status: 200, message: OFFERED, replayed: false });
    case "already_confirmed": {
      const reservation = reservationOf(outcome.reservation);
      const message = "stock of this order was confirmed before";
      return refusal(c, "order_already_confirmed", message, { reservation });
    }
    case "available": {
      const { quantity } = outcome;
      const path = PATHS.reserve.replace(":productId", productId);
      const message = `nobody waits, and ${quantity} units are there: POST ${path}`;
      return refusal(c, "units_available", message);
    }
    case "above_quota":
      return aboveQuota(c, outcome.lines);
    case "line_full": {
      const message = `${WAITING_MAX} wait for it already`;
      return refusal(c, "limit_exceeded", message, { limit: WAITING_MAX });
    }
    case "too_many_places": {
      const message = `one customer may wait in ${WAITS_MAX} places at most`;
      return refusal(c, "limit_exceeded", message, { limit: WAITS_MAX });
    }
    case "unknown_product":
      return unknownProduct(c, productId);
    case "key_reused":
      return keyReused(c);
  }
}

function left(c: EdgeContext, productId: ProductId, outcome: LeaveOutcome): Answer {
  switch (outcome.kind) {
    case "left": {
      const { waiting, replayed } = outcome;
      const standing = { kind: "absent", waiting } as const;
      return placed(productId, standing, { status: 200, message: "Left the line", replayed });
    }
    case "absent":
      return placed(productId, outcome, { status: 200, message: "Not in line", replayed: false });
    case "offered":
      return placed(productId, outcome, { status: 200, message: OFFERED, replayed: false });
    case "unknown_product":
      return unknownProduct(c, productId);
    case "key_reused":
      return keyReused(c);
  }
}

const OFFERED = "A reservation of this order lives";

function placed(
  productId: ProductId,
  standing: InLine | NotInLine | Offered,
  { status, message, replayed }: { status: 200 | 201; message: string; replayed: boolean },
): Answer {
  const body = { message, place: placeOf(productId, standing) };
  return { status, body, headers: replayHeader(replayed) };
}
