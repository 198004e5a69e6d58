import { createHandlers } from "#http/env";
import { PATHS } from "#http/paths";
import { reply } from "#http/reply";
import { route, type Edge, type Route } from "#http/routes/route";
import { Alive, Ready } from "#http/wire/answers";
import { timeOf } from "#http/wire/objects";

/** Seconds after which a balancer may ask again. */
const RETRY_AFTER = { "retry-after": "1" };

const BASE = {
  method: "GET",
  roles: "public",
  whileStopping: true,
  counted: "never",
} as const;
const ALIVE = { summary: "Whether the process runs", answers: { 200: Alive } } as const;

/** That the process runs, under the path that every contract knows and the one for supervisors. */
export function healthRoutes({ deps, health }: Edge): Route[] {
  const alive = createHandlers((c) => {
    const timestamp = timeOf(deps.clock.now());
    return reply(c, 200, { status: "healthy", service: "inventory-service", timestamp });
  });
  const ready = createHandlers((c) => {
    const readiness = health.stopping()
      ? ({ status: "unavailable", reasons: ["the process stops"] } as const)
      : health.readiness();
    const { status, reasons } = readiness;
    const timestamp = timeOf(deps.clock.now());
    const body = { status, service: "inventory-service", timestamp, reasons };
    return status === "unavailable" ? reply(c, 503, body, RETRY_AFTER) : reply(c, 200, body);
  });
  return [
    route({ ...BASE, ...ALIVE, path: PATHS.health, handlers: alive }),
    route({ ...BASE, ...ALIVE, path: PATHS.live, handlers: alive }),
    route({
      ...BASE,
      path: PATHS.ready,
      summary: "Whether requests should be sent here",
      answers: { 200: Ready, 503: Ready },
      handlers: ready,
    }),
  ];
}
