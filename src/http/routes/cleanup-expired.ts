import { contextOf, createHandlers } from "#http/env";
import { PATHS } from "#http/paths";
import { reply } from "#http/reply";
import { ADMIN, route, type Edge, type Route } from "#http/routes/route";
import { validateOptionalBody } from "#http/validate";
import { Cleaned } from "#http/wire/answers";
import { EmptyBody } from "#http/wire/bodies";
import { expire } from "#inventory/expire";

export function cleanupExpiredRoute({ deps }: Edge): Route {
  return route({
    method: "POST",
    path: PATHS.cleanupExpired,
    summary: "Release what is past its due time",
    answers: { 200: Cleaned },
    roles: ADMIN,
    mutation: true,
    handlers: createHandlers(validateOptionalBody(EmptyBody), async (c) => {
      const { cleaned, more } = await expire(deps, contextOf(c));
      return reply(c, 200, { message: "Expired reservations cleaned up", cleaned, more });
    }),
  });
}
