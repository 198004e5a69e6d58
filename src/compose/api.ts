/** The API's part: the contracts on their port, ended so that every request it took is answered. */
import type { Server } from "bun";
import { cannotListen, mustBeFree, portOf, type Port } from "#compose/port";
import { readinessOf } from "#compose/readiness";
import { quotasOf } from "#compose/request-limits";
import type { Stores } from "#compose/stores";
import { signingSecret } from "#compose/token";
import type { Watch } from "#compose/watch";
import type { Config } from "#config";
import { EventTail } from "#inventory/event-tail";
import { createApp, type AppOptions } from "#http/app";
import type { Contract } from "#http/contract";
import { Streams } from "#http/streams";
import { createAuthenticator } from "#http/middleware/authenticate";
import { processClock, systemClock } from "#lib/clock";
import { randomId } from "#lib/ids";
import type { Log } from "#lib/log";
import type { Metrics } from "#lib/metrics";
import type { Shutdown } from "#lib/shutdown";
import { version } from "#package.json";
import { createProductService } from "#products/product-service";
import { instanceIdOf, placeOf } from "#registry/instance";

/** Bun closes a connection that is silent for this long; deadlines are below it. */
export const IDLE_SECONDS_MAX = 10;
/**
 * Bun answers a larger body by itself, with a 413 that says nothing. Far above every limit of ours,
 * so that these answer: they refuse a declared length unread and count what declares none.
 */
export const REQUEST_BYTES_MAX = 2 ** 40;
/**
 * Between readiness failing and the listener closing: a balancer's look or two. Each answer of that
 * time ends its connection, for the listener closes idle ones without a word, and a request that is
 * on its way in would be lost with its connection.
 */
const DRAIN_NOTICE_MS = 250;
/** How often the stop looks whether the last batches were answered. */
const PENDING_POLL_MS = 10;
const GENERATION_LENGTH = 8;

/** Where a process listens. */
export interface Place {
  readonly url: string;
  /** The one that was found where any was asked for. */
  readonly port: number;
}

export interface ServeOptions {
  readonly config: Config;
  /** What an API serves. */
  readonly contracts: readonly Contract[];
  readonly stores: Stores;
  readonly watch: Watch;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly shutdown: Shutdown;
  /** Given where other processes listen on the same port. */
  readonly sharing?: Sharing | undefined;
}

/** Whether this process is the first of several on one port, or comes to those that are there. */
export type Sharing = "first" | "further";

/** Serves the contracts; answers where. */
export function serveApi(options: ServeOptions): Promise<Place> {
  return serve(options, portOf(options.config, "api"), options.contracts);
}

/** Serves health and metrics alone, for a process without a contract. */
export function serveWorker(options: ServeOptions): Promise<Place> {
  return serve(options, portOf(options.config, "worker"), []);
}

async function serve(
  options: ServeOptions,
  asked: Port,
  contracts: readonly Contract[],
): Promise<Place> {
  const { config, stores, shutdown, sharing } = options;
  const { port } = asked;
  const reusePort = sharing !== undefined;
  let server: Server<undefined>;
  const app = createApp(await appOptions(options, contracts, () => server.port ?? port));
  // SO_REUSEPORT would also share with processes that are none of ours.
  if (sharing === "first") mustBeFree(asked);
  try {
    server = Bun.serve({
      hostname: config.host,
      port,
      reusePort,
      idleTimeout: IDLE_SECONDS_MAX,
      maxRequestBodySize: REQUEST_BYTES_MAX,
      fetch: async (request, self) => {
        const peer = (): string | undefined => self.requestIP(request)?.address;
        const patience = (seconds: number): void => self.timeout(request, seconds);
        const response = await app.fetch(request, { peer, patience });
        if (shutdown.stopping()) response.headers.set("connection", "close");
        return response;
      },
    });
  } catch (error) {
    throw cannotListen(asked, error);
  }
  shutdown.add("listener", async () => {
    await Bun.sleep(DRAIN_NOTICE_MS);
    await server.stop();
    while (stores.store.pending > 0) await Bun.sleep(PENDING_POLL_MS);
  });
  return { url: `http://${hostText(config.host)}:${server.port}`, port: server.port ?? port };
}

/** As it stands in a URL. */
function hostText(host: string): string {
  if (host === "127.0.0.1") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

async function appOptions(
  options: ServeOptions,
  contracts: readonly Contract[],
  servedPort: () => number,
): Promise<AppOptions> {
  const { config, stores, watch, metrics, log, shutdown } = options;
  const auth = await createAuthenticator({
    secret: signingSecret(config),
    secretPrevious: config.jwtSecretPrevious,
    jwksUrl: config.jwksUrl,
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
    clock: systemClock,
  });
  const eventTail = new EventTail({ events: stores.events, onWaiters: metrics.eventWaiters });
  const eventStreams = new Streams({ onOpen: metrics.eventStreams, onDropped: metrics.slowStream });
  // Before the listener ends: it waits for every answer.
  shutdown.add("long polls", () => eventTail.close());
  shutdown.add("streams", () => eventStreams.close());
  const products = createProductService({ url: config.productServiceUrl, log });
  const facts = {
    partitions: stores.partitions,
    journalEntriesMax: config.journalEntriesMax,
    isStopping: shutdown.stopping,
    ledgerAway: watch.ledgerAway,
    drainsStopped: watch.drainsStopped,
    durabilityGaps: watch.durabilityGaps,
  };
  return {
    contracts,
    deps: {
      store: stores.store,
      waitlist: stores.waitlist,
      ledger: stores.ledger,
      incoming: stores.incoming,
      reconcileRuns: stores.reconcileRuns,
      countRuns: stores.countRuns,
      events: stores.events,
      eventTail,
      pseudonymizations: stores.pseudonymizations,
      recoveryReports: stores.recoveryReports,
      clock: processClock,
      policy: {
        reservationMinutes: config.reservationMinutes,
        reservationMinutesMax: config.reservationMinutesMax,
        extensionsMax: config.extensionsMax,
        onExpired: config.onExpired,
      },
      newGeneration: () => randomId(GENERATION_LENGTH),
    },
    durability: stores.durability,
    rateLimits: {
      ...quotasOf(config),
      trustedProxies: config.trustedProxies,
      rates: stores.rates,
    },
    auth,
    metrics,
    log,
    config: {
      requestDeadlineMs: config.requestDeadlineMs,
      corsOrigins: config.corsOrigins,
      metricsToken: config.metricsToken ?? null,
      takesAnonymous: !config.contractsNeedTokens,
      docsPublic: config.docsPublic,
    },
    surroundings: {
      instanceId: () => instanceIdOf(placeOf({ ...config, port: servedPort() })),
      version,
      productsOf: (ids) => products.productsOf(ids),
    },
    health: { readiness: () => readinessOf(facts), stopping: shutdown.stopping },
    eventStreams,
  };
}
