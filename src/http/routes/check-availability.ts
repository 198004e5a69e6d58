import { createHandlers } from "#http/env";
import { PATHS } from "#http/paths";
import { reply } from "#http/reply";
import { route, type Edge, type Route } from "#http/routes/route";
import { validateBody } from "#http/validate";
import { CheckBody } from "#http/wire/bodies";
import { check } from "#inventory/check";

export function checkAvailabilityRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.checkAvailability,
    roles: "public",
    bulk: true,
    handlers: createHandlers(validateBody(CheckBody), async (c) => {
      const { items } = c.req.valid("json");
      return reply(c, 200, await check(deps, c.get("request"), items));
    }),
  });
}
