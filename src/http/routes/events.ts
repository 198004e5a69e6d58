import { createHandlers } from "#http/env";
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
    summary: "Alerts, newest first",
    answers: { 200: Alerts },
    roles: STAFF,
    handlers: createHandlers(validate("query", AlertsQuery), async (c) => {
      const { kind = null, productId = null, open = null, limit } = c.req.valid("query");
      const query = { kind, productId, open, limit };
      // As the ledger has them, whatever became of Redis: that may be what they are about.
      const alerts = await deps.events.alerts(query, c.get("request").deadline);
      return reply(c, 200, { alerts: alerts.map(alertOf) });
    }),
  });
}
