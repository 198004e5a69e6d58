import { createHandlers } from "#http/env";
import { PATHS } from "#http/paths";
import { lagHeader, reply } from "#http/reply";
import { route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validate } from "#http/validate";
import { LowStock } from "#http/wire/answers";
import { inventoryOf } from "#http/wire/objects";
import { LowStockQuery } from "#http/wire/queries";
import { listLowStock } from "#inventory/list-low-stock";

export function lowStockRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.lowStock,
    summary: "Products at or below their threshold, lowest first",
    answers: { 200: LowStock },
    headers: ["Ledger-Lag"],
    roles: STAFF,
    handlers: createHandlers(validate("query", LowStockQuery), async (c) => {
      const { limit } = c.req.valid("query");
      const { products, lag } = await listLowStock(deps, c.get("request"), limit);
      const body = { items: products.map(inventoryOf), count: products.length };
      return reply(c, 200, body, lagHeader(lag));
    }),
  });
}
