/** The registry of locations: what each is called, and whether and in which order it is taken from. */
import { contextOf, createHandlers, type EdgeContext } from "#http/env";
import { etagOf, expectedSeq } from "#http/middleware/conditional";
import { PATHS } from "#http/paths";
import { refusal, replayHeader, reply, send, type Answer } from "#http/reply";
import { keyReused } from "#http/routes/refusals";
import { ADMIN, route, STAFF, type Edge, type Route } from "#http/routes/route";
import { validate, validateBody } from "#http/validate";
import { Locations, RegisteredLocation } from "#http/wire/answers";
import { AmendLocationBody, RegisterLocationBody } from "#http/wire/bodies";
import { LocationParam } from "#http/wire/fields";
import { locationOf } from "#http/wire/objects";
import { amendLocation } from "#inventory/amend-location";
import { listLocations } from "#inventory/list-locations";
import type { Location } from "#inventory/model";
import type { AmendLocationOutcome, RegisterLocationOutcome } from "#inventory/location-ports";
import { registerLocation } from "#inventory/register-location";

export function locationsRoute({ deps }: Edge): Route {
  return route({
    method: "GET",
    path: PATHS.locations,
    summary: "Every registered location",
    answers: { 200: Locations },
    roles: STAFF,
    handlers: createHandlers(async (c) => {
      const locations = await listLocations(deps, c.get("request"));
      return reply(c, 200, { locations: locations.map(locationOf) });
    }),
  });
}

export function registerLocationRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.locations,
    summary: "Register a location",
    answers: { 201: RegisteredLocation },
    headers: ["ETag"],
    refusals: ["already_exists", "limit_exceeded"],
    roles: ADMIN,
    mutation: true,
    handlers: createHandlers(validateBody(RegisterLocationBody), async (c) => {
      const outcome = await registerLocation(deps, contextOf(c), c.req.valid("json"));
      return send(c, registeredAnswer(c, outcome));
    }),
  });
}

export function amendLocationRoute({ deps }: Edge): Route {
  return route({
    method: "PATCH",
    path: PATHS.location,
    summary: "Change what is registered of a location",
    answers: { 200: RegisteredLocation },
    refusals: ["expected_mismatch", "location_not_found"],
    conditional: true,
    roles: ADMIN,
    mutation: true,
    handlers: createHandlers(
      validate("param", LocationParam),
      validateBody(AmendLocationBody),
      async (c) => {
        const { location } = c.req.valid("param");
        const input = {
          location,
          changes: c.req.valid("json"),
          expectedVersion: expectedSeq(c.req.header("if-match")),
        };
        const outcome = await amendLocation(deps, contextOf(c), input);
        return send(c, amendedAnswer(c, location, outcome));
      },
    ),
  });
}

function registeredAnswer(c: EdgeContext, outcome: RegisterLocationOutcome): Answer {
  switch (outcome.kind) {
    case "registered": {
      const { registered, replayed } = outcome;
      const headers = { etag: etagOf(registered.version), ...replayHeader(replayed) };
      return { status: 201, body: locationOf(registered), headers };
    }
    case "exists": {
      const registered = locationOf(outcome.registered);
      return refusal(c, "already_exists", "this location is registered already", { registered });
    }
    case "above_limit":
      return refusal(c, "limit_exceeded", "there are as many locations as there may be");
    case "key_reused":
      return keyReused(c);
  }
}

function amendedAnswer(c: EdgeContext, location: Location, outcome: AmendLocationOutcome): Answer {
  switch (outcome.kind) {
    case "amended": {
      const { registered, replayed } = outcome;
      const headers = { etag: etagOf(registered.version), ...replayHeader(replayed) };
      return { status: 200, body: locationOf(registered), headers };
    }
    case "expected_mismatch": {
      const message = "the location changed since the caller read it";
      const registered = locationOf(outcome.registered);
      return refusal(c, "expected_mismatch", message, { registered });
    }
    case "unknown_location":
      return refusal(c, "location_not_found", `no location ${location} is registered`);
    case "key_reused":
      return keyReused(c);
  }
}
