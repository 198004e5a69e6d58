import { createHandlers } from "#http/env";
import { cursorsOf } from "#http/page-cursor";
import { PATHS } from "#http/paths";
import { lagHeader, reply } from "#http/reply";
import { route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validate } from "#http/validate";
import { Reorder } from "#http/wire/incoming-answers";
import { reorderOf } from "#http/wire/objects";
import { ReorderQuery } from "#http/wire/queries";
import { listReorder } from "#inventory/list-reorder";

export function reorderRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.reorder,
    summary: "Products at or below their reorder point, and how much to order",
    answers: { 200: Reorder },
    headers: ["Ledger-Lag"],
    roles: STAFF,
    handlers: createHandlers(validate("query", ReorderQuery), async (c) => {
      const { cursor, limit } = c.req.valid("query");
      const { inner, outer } = cursorsOf(PATHS.reorder, {}, cursor);
      const { rows, nextCursor, lag } = await listReorder(deps, c.get("request"), inner, limit);
      const body = { items: rows.map(reorderOf), nextCursor: outer(nextCursor) };
      return reply(c, 200, body, lagHeader(lag));
    }),
  });
}
