import { createHandlers, type EdgeContext } from "#http/env";
import { GONE, streamEvents, wantsStream } from "#http/event-streams";
import { cursorsOf } from "#http/page-cursor";
import { PATHS } from "#http/paths";
import { invalid } from "#http/problem";
import { refuse, reply } from "#http/reply";
import { route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validate } from "#http/validate";
import { Alerts, Events } from "#http/wire/answers";
import { alertOf, eventOf } from "#http/wire/objects";
import { AlertsQuery, EventCursor, EventsQuery } from "#http/wire/queries";
import { EventStream } from "#http/wire/streams";
import { EventFeed } from "#inventory/event-feed";
import { followEvents } from "#inventory/follow-events";

export function eventsRoute({ deps, eventStreams, holdsFor }: Edge): Route {
  const feed = new EventFeed(deps);
  return route({
    method: "GET",
    path: PATHS.events,
    summary: "Movements and alerts after a cursor, in order; waits for one where there is none",
    notes: [
      "Whoever goes on with `cursor` hears everything once.",
      "With `Accept: text/event-stream` they come as they happen, without an end: `id` is the cursor behind an event.",
    ].join(" "),
    answers: { 200: [Events, EventStream] },
    refusals: ["cursor_expired"],
    roles: STAFF,
    waits: true,
    streams: true,
    handlers: createHandlers(validate("query", EventsQuery), async (c) => {
      const {
        after: given = null,
        wait,
        types: words,
        productId = null,
        limit,
      } = c.req.valid("query");
      const types = words === undefined ? null : new Set(words);
      if (wantsStream(c)) {
        const after = lastHeard(c) ?? given;
        const holds = () => holdsFor(c.req.header("authorization"));
        const filter = { types, productId };
        return await streamEvents(c, {
          feed,
          streams: eventStreams,
          filter,
          after,
          holdsFor: holds,
        });
      }
      const query = { after: given, types, productId, limit };
      const patience = { waitMs: wait * 1_000, gone: c.req.raw.signal };
      const page = await followEvents(deps, c.get("request"), query, patience);
      if (page.kind === "gone") return refuse(c, "cursor_expired", GONE);
      return reply(c, 200, { events: page.events.map(eventOf), cursor: page.cursor });
    }),
  });
}

/** What a reader that comes back has heard; its address still says where it began. */
function lastHeard(c: EdgeContext): string | null {
  const id = c.req.header("last-event-id");
  if (id === undefined || id === "") return null;
  const checked = EventCursor.safeParse(id);
  if (!checked.success) throw invalid("Last-Event-ID", "must be an id that this feed sent");
  return checked.data;
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
