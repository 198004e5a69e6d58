import { createHandlers } from "#http/env";
import { PATHS } from "#http/paths";
import { lagHeader, reply, send } from "#http/reply";
import { unknownProduct } from "#http/routes/refusals";
import { route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validate } from "#http/validate";
import { Movements } from "#http/wire/answers";
import { ProductParam } from "#http/wire/fields";
import { movementOf } from "#http/wire/objects";
import { MovementsQuery } from "#http/wire/queries";
import { listMovements } from "#inventory/list-movements";

export function movementsRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.movements,
    summary: "Movements of a product, newest first",
    notes:
      "The newest alone, without a cursor: for older ones, and for filters, ask `GET /api/inventory/movements?productId=…`.",
    answers: { 200: Movements },
    headers: ["Ledger-Lag"],
    refusals: ["product_not_found"],
    roles: STAFF,
    handlers: createHandlers(
      validate("param", ProductParam),
      validate("query", MovementsQuery),
      async (c) => {
        const { productId } = c.req.valid("param");
        const { limit } = c.req.valid("query");
        const list = await listMovements(deps, c.get("request"), productId, limit);
        if (list.kind === "unknown_product") return send(c, unknownProduct(c, productId));
        const body = { movements: list.movements.map(movementOf) };
        return reply(c, 200, body, lagHeader(list.lag));
      },
    ),
  });
}
