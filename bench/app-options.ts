/** What the servers of the bench share with the product: its configuration, edge and listener. */
import { readConfig } from "#config";
import { IDLE_SECONDS_MAX, REQUEST_BYTES_MAX } from "#compose/api";
import { signingSecret } from "#compose/token";
import type { App, AppOptions } from "#http/app";
import { inventory } from "#http/inventory";
import { createAuthenticator } from "#http/middleware/authenticate";
import { Streams } from "#http/streams";
import { systemClock } from "#lib/clock";
import { createLog } from "#lib/log";
import { createMetrics } from "#lib/metrics";

export const config = readConfig();

/** All that createApp takes besides the stores; each call counts for itself. */
export async function appOptions(): Promise<Omit<AppOptions, "deps">> {
  return {
    contracts: [inventory],
    auth: await createAuthenticator({ secret: signingSecret(config), clock: systemClock }),
    metrics: createMetrics(),
    log: createLog({ level: config.logLevel, format: "json" }),
    config: {
      requestDeadlineMs: config.requestDeadlineMs,
      corsOrigins: config.corsOrigins,
      metricsToken: null,
      takesAnonymous: false,
      docsPublic: false,
    },
    rateLimits: {
      perCustomer: null,
      perAddress: null,
      trustedProxies: [],
      rates: { count: () => Promise.resolve() },
    },
    durability: { floor: "disk", base: () => "disk", reach: () => Promise.resolve("disk") },
    health: {
      readiness: () => ({ status: "healthy", reasons: [] }),
      stopping: () => false,
    },
    surroundings: {
      instanceId: () => "bench",
      version: "0.0.0",
      productsOf: () => Promise.resolve(new Map()),
    },
    eventStreams: new Streams({ onOpen: () => undefined, onDropped: () => undefined }),
  };
}

/** Listens as the product does. */
export function listen(app: App, port: number): void {
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
