/** What the servers of the bench share with the product: its configuration, edge and listener. */
import { readConfig } from "#config";
import { signingSecret } from "#compose/token";
import type { AppOptions } from "#http/app";
import { createAuthenticator } from "#http/middleware/authenticate";
import type { EdgeEnv } from "#http/env";
import { systemClock } from "#lib/clock";
import { createLog } from "#lib/log";
import { createMetrics } from "#lib/metrics";
import type { Hono } from "hono";

/** As in src/compose/api.ts. */
const IDLE_SECONDS_MAX = 10;
const REQUEST_BYTES_MAX = 2 ** 40;

export const config = readConfig();

/** All that createApp takes besides the stores; each call counts for itself. */
export async function appOptions(): Promise<Omit<AppOptions, "deps">> {
  return {
    routes: "contract",
    auth: await createAuthenticator({ secret: signingSecret(config), clock: systemClock }),
    metrics: createMetrics(),
    log: createLog({ level: config.logLevel, format: "json" }),
    config: {
      requestDeadlineMs: config.requestDeadlineMs,
      corsOrigins: config.corsOrigins,
      metricsToken: null,
    },
    health: {
      readiness: () => ({ status: "healthy", reasons: [] }),
      stopping: () => false,
    },
  };
}

/** Listens as the product does. */
export function listen(app: Hono<EdgeEnv>, port: number): void {
  Bun.serve({
    hostname: config.host,
    port,
    idleTimeout: IDLE_SECONDS_MAX,
    maxRequestBodySize: REQUEST_BYTES_MAX,
    fetch: async (request, self) => {
      const peer = (): string | undefined => self.requestIP(request)?.address;
      return await app.fetch(request, { peer });
    },
  });
}
