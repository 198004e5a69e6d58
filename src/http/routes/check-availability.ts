import { createHandlers } from "#http/env";
import { PATHS } from "#http/paths";
import { reply } from "#http/reply";
import { route, type Edge, type Route } from "#http/routes/route";
import { validateBody } from "#http/validate";
import { Availability } from "#http/wire/answers";
import { CheckBody } from "#http/wire/bodies";
import { check } from "#inventory/check";

export function checkAvailabilityRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.checkAvailability,
    summary: "Whether products could be taken now",
    notes:
      "It is asked for nobody and looks at the stock alone: not at what one customer may have, not at who " +
      "waits in line, not at the units of a campaign. A reserve with dryRun looks at all of that.",
    answers: { 200: Availability },
    refusals: ["too_many_items"],
    roles: "public",
    bulk: true,
    counted: "beside",
    handlers: createHandlers(validateBody(CheckBody), async (c) => {
      const { items } = c.req.valid("json");
      return reply(c, 200, await check(deps, c.get("request"), items));
    }),
  });
}
