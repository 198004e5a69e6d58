/** The contracts over HTTP. Nothing here listens: `fetch(request, {peer})` is all there is to serve. */
import { Hono } from "hono";
import { getPath } from "hono/utils/url";
import type { Contract } from "#http/contract";
import type { EdgeContext, EdgeEnv } from "#http/env";
import { inventory, site } from "#http/inventory";
import { Admission } from "#http/middleware/admission";
import type { Authenticator } from "#http/middleware/authenticate";
import { createBodyDeadline } from "#http/middleware/body-deadline";
import { createCors } from "#http/middleware/cors";
import { begin, edgeOf, type EdgeOptions } from "#http/middleware/edge";
import { createFailureLog } from "#http/middleware/failure-log";
import { answerUnmatched } from "#http/middleware/not-found";
import { createOnError } from "#http/middleware/on-error";
import { createRateLimits, type RateLimitOptions } from "#http/middleware/rate-limit";
import { documentOf, type Mounted } from "#http/openapi";
import { send } from "#http/reply";
import type { Health, Surroundings } from "#http/routes/route";
import type { Streams } from "#http/streams";
import type { Deps } from "#inventory/context";
import type { Durability } from "#inventory/durability";
import type { Log } from "#lib/log";
import type { Metrics } from "#lib/metrics";
import { version } from "#package.json";

export interface AppOptions {
  /** What is served besides health and metrics; none: a process that serves no contract. */
  readonly contracts: readonly Contract[];
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
    /** Whether contracts that know no authentication take changes from everybody. */
    readonly takesAnonymous: boolean;
    /** Whether the documents of the API are for everybody, or for admins. */
    readonly docsPublic: boolean;
  };
  readonly durability: Durability;
  readonly rateLimits: RateLimitOptions;
  readonly health: Health;
  readonly surroundings: Surroundings;
  readonly eventStreams: Streams;
}

/** Whatever answers a request. */
export interface App {
  fetch(request: Request, bindings: EdgeEnv["Bindings"]): Response | Promise<Response>;
}

/** Path under which all unmatched requests are counted: theirs are no bounded set. */
const UNMATCHED = "unmatched";

/**
 * All contracts behind one `fetch`. Each keeps a router and words of its own; the path alone tells
 * whose a request is. What nobody's prefix covers is worded by the contract that is served alone,
 * else by contract A.
 */
export function createApp(options: AppOptions): App {
  const { contracts } = options;
  const isOurs = (contract: Contract) => contract === inventory;
  const base = contracts.some(isOurs) ? inventory : site;
  const others = contracts.filter((contract) => !isOurs(contract));
  const admission = new Admission();
  const mounted: Mounted[] = [];
  const document = (): string => JSON.stringify(documentOf(mounted, version));
  const shared = { admission, mounted, document };
  const baseApp = serve(options, base, shared);
  const [only] = others;
  if (only === undefined) return baseApp;

  const served = others.map((contract) => ({
    contract,
    app: serve(options, contract, shared),
  }));
  const mounts = [{ contract: base, app: baseApp }, ...served]
    .flatMap(({ contract, app }) => contract.prefixes.map((prefix) => ({ prefix, app })))
    .toSorted((one, other) => other.prefix.length - one.prefix.length);
  const rest = contracts.length === 1 ? served[0]?.app : baseApp;
  return {
    fetch(request, bindings) {
      const path = pathOf(request);
      const mount = mounts.find(({ prefix }) => isUnder(path, prefix));
      return (mount?.app ?? rest ?? baseApp).fetch(request, bindings);
    },
  };
}

const isUnder = (path: string, prefix: string): boolean =>
  path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === "/");

/** What all contracts of a process have together. */
interface Shared {
  readonly admission: Admission;
  /** Whatever is served is noted here. */
  readonly mounted: Mounted[];
  readonly document: () => string;
}

/** Without a usable Host, as HTTP/1.0 may be, a URL is a path alone, which hono would cut short. */
function pathOf(request: Request): string {
  if (!request.url.startsWith("/")) return getPath(request);
  return getPath(new Request(`http://localhost${request.url}`));
}

function serve(
  options: AppOptions,
  contract: Contract,
  { admission, mounted, document }: Shared,
): Hono<EdgeEnv> {
  const { deps, auth, metrics, log, config, durability, health, surroundings } = options;
  const { eventStreams } = options;
  const { word } = contract;
  const failures = createFailureLog(log, () => performance.now());
  const cors = createCors(config.corsOrigins);
  const onError = createOnError(log, failures, word);
  const edge: EdgeOptions = {
    contract,
    admission,
    auth,
    metrics,
    failures,
    bodies: createBodyDeadline(deps.clock, admission),
    cors,
    durability,
    limits: createRateLimits(options.rateLimits),
    clock: deps.clock,
    requestDeadlineMs: config.requestDeadlineMs,
    stopping: health.stopping,
    onError,
  };
  const app = new Hono<EdgeEnv>({ getPath: pathOf });
  const { metricsToken, takesAnonymous, docsPublic } = config;
  const own = {
    deps,
    metrics,
    metricsToken,
    health,
    takesAnonymous,
    docsPublic,
    document,
    surroundings,
    eventStreams,
    holdsFor: (authorization: string | undefined) => auth.holdsFor(authorization),
  };
  const routes = contract.routes({ ...own, worded: onError });
  mounted.push({ contract, routes });
  for (const route of routes) {
    app.on(route.method, [route.path], edgeOf(edge, route));
  }

  const start = begin(edge);
  const count = metrics.httpRequest(contract.name, UNMATCHED);
  const takes = (method: string, path: string) => app.router.match(method, path)[0].length > 0;
  app.notFound((c) => {
    start(c);
    const response = answerUnmatched(c, { takes, cors, word });
    count(response.status, 0);
    return response;
  });
  app.onError((error, c: EdgeContext) => send(c, onError(error, c)));
  return app;
}
