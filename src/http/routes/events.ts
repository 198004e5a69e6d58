import { createHandlers } from "#http/env";
import { cursorsOf } from "#http/page-cursor";
import { PATHS } from "#http/paths";
import { refuse, reply } from "#http/reply";
import { route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validate } from "#http/validate";
import { Alerts, Events } from "#http/wire/answers";
import { alertOf, eventOf } from "#http/wire/objects";
import { AlertsQuery, EventsQuery } from "#http/wire/queries";
import { followEvents } from "#inventory/follow-events";

export function eventsRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.events,
    summary: "Movements and alerts after a cursor, in order; waits for one where there is none",
    notes: "Whoever goes on with `cursor` hears everything once.",
    answers: { 200: Events },
    refusals: ["cursor_expired"],
    roles: STAFF,
    waits: true,
    handlers: createHandlers(validate("query", EventsQuery), async (c) => {
      const { after = null, wait, types, limit } = c.req.valid("query");
      const query = { after, types: types === undefined ? null : new Set(types), limit };
      const patience = { waitMs: wait * 1_000, gone: c.req.raw.signal };
      const page = await followEvents(deps, c.get("request"), query, patience);
      if (page.kind === "gone") {
        const message = "events behind this cursor were put away; begin again without one";
        return refuse(c, "cursor_expired", message);
      }
      return reply(c, 200, { events: page.events.map(eventOf), cursor: page.cursor });
    }),
  });
}

export function alertsRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.alerts,
    summary: "Alerts, newest first, page by page",
    notes: "An alert that is open still holds.",
    answers: { 200: Alerts },
    roles: STAFF,
    handlers: createHandlers(validate("query", AlertsQuery), async (c) => {
      const { cursor, limit, ...filters } = c.req.valid("query");
      const { kind = null, productId = null, open = null } = filters;
      const { inner, outer } = cursorsOf(PATHS.alerts, filters, cursor);
      const query = { kind, productId, open, cursor: inner, limit };
      // As the ledger has them, whatever became of Redis: that may be what they are about.
      const { items, nextCursor } = await deps.events.alerts(query, c.get("request").deadline);
      return reply(c, 200, { alerts: items.map(alertOf), nextCursor: outer(nextCursor) });
    }),
  });
}
