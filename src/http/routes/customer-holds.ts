import { createHandlers } from "#http/env";
import { cursorsOf } from "#http/page-cursor";
import { PATHS } from "#http/paths";
import { lagHeader, reply } from "#http/reply";
import { ADMIN, route, type Edge, type Route } from "#http/routes/route";
import { validate } from "#http/validate";
import { CustomerHoldsList } from "#http/wire/limit-answers";
import { CustomerHoldsQuery } from "#http/wire/queries";
import { listCustomerHolds, type CustomerHolds } from "#inventory/list-customer-holds";

const DAY_MS = 86_400_000;
const SHARE_DIGITS = 4;

export function customerHoldsRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.customerHolds,
    summary: "What became of customers' holds, most expired units first",
    answers: { 200: CustomerHoldsList },
    headers: ["Ledger-Lag"],
    roles: ADMIN,
    handlers: createHandlers(validate("query", CustomerHoldsQuery), async (c) => {
      const { cursor, limit, ...filters } = c.req.valid("query");
      const { inner, outer } = cursorsOf(PATHS.customerHolds, filters, cursor);
      const { minimum, since = Date.now() - DAY_MS } = filters;
      const query = { since, minimum, cursor: inner, limit };
      const { items, nextCursor, lag } = await listCustomerHolds(deps, c.get("request"), query);
      const body = { items: items.map(customerHoldsOf), nextCursor: outer(nextCursor) };
      return reply(c, 200, body, lagHeader(lag));
    }),
  });
}

function customerHoldsOf(row: CustomerHolds): CustomerHoldsList["items"][number] {
  const share = row.units === 0 ? 0 : row.expiredUnits / row.units;
  return { ...row, expiredShare: Number(share.toFixed(SHARE_DIGITS)) };
}
