/** Contract E: the gateway's inventory routes. It only reads; all but the check is for admins. */
import { unknownItem, validate, word } from "#compat/gateway/faults";
import { itemOf, paginationOf, warehouseOf } from "#compat/gateway/map";
import * as wire from "#compat/gateway/wire";
import type { Contract } from "#http/contract";
import { createHandlers } from "#http/env";
import { lagHeader, reply } from "#http/reply";
import { ADMIN, route, type Edge, type Route } from "#http/routes/route";
import { check } from "#inventory/check";
import { listKnownLocations } from "#inventory/list-known-locations";
import { listRecentProducts } from "#inventory/list-recent-products";
import { ProductId, Quantity } from "#inventory/model";
import { readProduct } from "#inventory/read-product";

const BASE = "/api/v1/inventory";

export const gateway: Contract = {
  name: "gateway",
  prefixes: [BASE],
  word,
  errorBody: wire.ErrorBody,
  knowsTokens: true,
  routes: (edge) => [checkRoute(edge), itemsRoute(edge), itemRoute(edge), warehousesRoute(edge)],
};

function checkRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: `${BASE}/check`,
    summary: "Whether so many units of a product could be had now",
    answers: { 200: wire.CheckAnswer },
    roles: "public",
    handlers: createHandlers(validate("query", wire.CheckQuery), async (c) => {
      const { product_id, quantity } = c.req.valid("query");
      const { data: productId } = ProductId.safeParse(product_id);
      const items = productId ? [{ productId, quantity: Quantity.parse(quantity) }] : [];
      const { availability } = await check(deps, c.get("request"), items);
      const available = availability.some((item) => item.available);
      return reply(c, 200, { product_id, quantity, available });
    }),
  });
}

function itemsRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: `${BASE}/items`,
    summary: "A page of inventory items, the newest change first",
    answers: { 200: wire.ItemsAnswer },
    headers: ["Ledger-Lag"],
    roles: ADMIN,
    handlers: createHandlers(validate("query", wire.ItemsQuery), async (c) => {
      const { status, warehouse_id, low_stock_only: isLow, ...page } = c.req.valid("query");
      const asked = status === undefined ? undefined : wire.STATUSES[status];
      if (asked === null) return reply(c, 200, { items: [], pagination: paginationOf(page, 0) });
      const filter = { status: asked ?? null, location: warehouse_id ?? null, isLow };
      const list = await listRecentProducts(deps, c.get("request"), { ...page, ...filter });
      const items = list.products.map(itemOf);
      const body = { items, pagination: paginationOf(page, list.total) };
      return reply(c, 200, body, lagHeader(list.lag));
    }),
  });
}

function itemRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: `${BASE}/items/:product_id`,
    summary: "An inventory item",
    answers: { 200: wire.ItemAnswer },
    refusals: ["product_not_found"],
    roles: ADMIN,
    handlers: createHandlers(
      validate("param", wire.ProductParam),
      validate("query", wire.NoQuery),
      async (c) => {
        const { product_id: productId } = c.req.valid("param");
        const product = await readProduct(deps, c.get("request"), productId);
        if (product === null) throw unknownItem();
        return reply(c, 200, itemOf(product));
      },
    ),
  });
}

function warehousesRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: `${BASE}/warehouses`,
    summary: "A page of warehouses, the highest priority first",
    answers: { 200: wire.WarehousesAnswer },
    headers: ["Ledger-Lag"],
    roles: ADMIN,
    handlers: createHandlers(validate("query", wire.WarehousesQuery), async (c) => {
      const { is_active: active = null, ...page } = c.req.valid("query");
      const list = await listKnownLocations(deps, c.get("request"), { ...page, active });
      const warehouses = list.locations.map(warehouseOf);
      const body = { warehouses, pagination: paginationOf(page, list.total) };
      return reply(c, 200, body, lagHeader(list.lag));
    }),
  });
}
