/** Contract A over HTTP. Nothing here listens: `fetch(request, {ip})` is all there is to serve. */
import { Hono } from "hono";
import type { EdgeContext, EdgeEnv } from "#http/env";
import type { Authenticator } from "#http/middleware/authenticate";
import { createBodyDeadline } from "#http/middleware/body-deadline";
import { createCors } from "#http/middleware/cors";
import { begin, CONTRACT, edgeOf, type EdgeOptions } from "#http/middleware/edge";
import { createFailureLog } from "#http/middleware/failure-log";
import { answerUnmatched } from "#http/middleware/not-found";
import { createOnError } from "#http/middleware/on-error";
import { send } from "#http/reply";
import { createRoutes, createStatusRoutes } from "#http/routes/index";
import type { Health } from "#http/routes/route";
import type { Deps } from "#inventory/context";
import type { Log } from "#lib/log";
import type { Metrics } from "#lib/metrics";

export interface AppOptions {
  /** `status`: health and metrics alone, for a process that serves no contract. */
  readonly routes: "contract" | "status";
  readonly deps: Deps;
  readonly auth: Authenticator;
  readonly metrics: Pick<Metrics, "httpRequest" | "render">;
  readonly log: Log;
  readonly config: {
    readonly requestDeadlineMs: number;
    /** Origins as browsers send them; none: no CORS. */
    readonly corsOrigins: readonly string[];
    /** Demanded of everybody who reads /metrics; null: it is for loopback peers. */
    readonly metricsToken: string | null;
  };
  readonly health: Health;
}

/** Path under which all unmatched requests are counted: theirs are no bounded set. */
const UNMATCHED = "unmatched";

export function createApp(options: AppOptions): Hono<EdgeEnv> {
  const { deps, auth, metrics, log, config, health } = options;
  const failures = createFailureLog(log, () => performance.now());
  const cors = createCors(config.corsOrigins);
  const onError = createOnError(log, failures);
  const edge: EdgeOptions = {
    auth,
    metrics,
    failures,
    bodies: createBodyDeadline(deps.clock),
    cors,
    clock: deps.clock,
    requestDeadlineMs: config.requestDeadlineMs,
    stopping: health.stopping,
    onError,
  };
  const app = new Hono<EdgeEnv>();
  const { metricsToken } = config;
  const make = options.routes === "status" ? createStatusRoutes : createRoutes;
  for (const route of make({ deps, metrics, metricsToken, health, worded: onError })) {
    app.on(route.method, [route.path], edgeOf(edge, route), ...route.handlers);
  }

  const start = begin(edge);
  const count = metrics.httpRequest(CONTRACT, UNMATCHED);
  const takes = (method: string, path: string) => app.router.match(method, path)[0].length > 0;
  app.notFound((c) => {
    start(c);
    const response = answerUnmatched(c, { takes, cors });
    count(response.status, 0);
    return response;
  });
  app.onError((error, c: EdgeContext) => send(c, onError(error, c)));
  return app;
}
