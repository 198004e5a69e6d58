/** The HTTP layer over a double of the ports: for wording, statuses, validation, authorisation. */
import { compat } from "#compat/index";
import { createApp, type App, type AppOptions } from "#http/app";
import type { Contract } from "#http/contract";
import { inventory, site } from "#http/inventory";
import { createAuthenticator } from "#http/middleware/authenticate";
import { documentOf } from "#http/openapi";
import { createRoutes } from "#http/routes/index";
import { Streams } from "#http/streams";
import type { Edge, Readiness } from "#http/routes/route";
import { issueToken } from "#http/token";
import type { Role } from "#inventory/context";
import { systemClock } from "#lib/clock";
import { createLog } from "#lib/log";
import { createMetrics } from "#lib/metrics";
import { ApiDocument, documentedBy, type Documented, type SomeAnswer } from "#test/documented";
import { NEEDS } from "#test/examples";
import { CAMPAIGN_ID } from "#test/campaigns-double";
import {
  CAROL,
  depsOf,
  INCOMING_ID,
  PSEUDONYMIZATION,
  RESERVATION_ID,
  type Doubles,
} from "#test/ports-double";
import { DURABILITY } from "#test/waitlist-double";
import { RUN_ID } from "#test/runs-double";

export const SECRET = "a secret of a test, long enough for HS256";
export const ORIGIN = "https://shop.example.com";

/** A token of each role; all of them live for a minute. */
export const TOKENS: Readonly<Record<Role, string>> = {
  admin: await tokenOf("admin", "ada"),
  service: await tokenOf("service", "orders"),
  customer: await tokenOf("customer", "carol"),
};

export function tokenOf(role: Role, subject: string, ttlSeconds = 60): Promise<string> {
  return issueToken({ secret: SECRET, role, subject, ttlSeconds });
}

export interface Sent {
  readonly method?: string;
  /** null: no Authorization header. */
  readonly as?: Role | null;
  /** An object becomes JSON; a text is sent as it is. */
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly ip?: string;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

export interface TestApp {
  readonly app: App;
  /** Lines of the log, as JSON text. */
  readonly lines: string[];
  readonly send: (path: string, sent?: Sent) => Promise<Answered>;
}

export interface AppDoubles extends Doubles {
  readonly contracts?: AppOptions["contracts"];
  readonly auth?: AppOptions["auth"];
  readonly readiness?: Readiness;
  readonly durability?: Partial<AppOptions["durability"]>;
  readonly stopping?: boolean;
  readonly eventStreams?: Streams;
  readonly config?: Partial<AppOptions["config"]>;
  /** Not given: every answer must be one that the document of the app promises. */
  readonly promises?: "nothing";
}

const auth = await createAuthenticator({ secret: SECRET, clock: systemClock });

/** Nobody beside the app. */
const surroundings: AppOptions["surroundings"] = {
  instanceId: () => "localhost:inventory-service:0",
  version: "0.0.0",
  productsOf: () => Promise.resolve(new Map()),
};

/** Nobody counts them. */
function noStreams(): Streams {
  return new Streams({ onOpen: () => undefined, onDropped: () => undefined });
}

/** Nobody is counted. */
const UNLIMITED: AppOptions["rateLimits"] = {
  perCustomer: null,
  perAddress: null,
  trustedProxies: [],
  rates: { count: () => Promise.resolve() },
};

export function openApp(doubles: AppDoubles = {}): TestApp {
  const lines: string[] = [];
  const { contracts = [inventory] } = doubles;
  const promised = doubles.promises ? null : promisedBy(contracts, doubles.config);
  const app = createApp({
    surroundings,
    contracts,
    deps: depsOf(doubles),
    durability: { ...DURABILITY, ...doubles.durability },
    rateLimits: UNLIMITED,
    auth: doubles.auth ?? auth,
    metrics: createMetrics(),
    log: createLog({ level: "info", format: "json", write: (line) => lines.push(line) }),
    config: {
      requestDeadlineMs: 1000,
      corsOrigins: [ORIGIN],
      metricsToken: null,
      takesAnonymous: true,
      docsPublic: true,
      ...doubles.config,
    },
    health: {
      readiness: () => doubles.readiness ?? { status: "healthy", reasons: [] },
      stopping: () => doubles.stopping ?? false,
    },
    eventStreams: doubles.eventStreams ?? noStreams(),
  });
  return {
    app,
    lines,
    send: (path, sent = {}) => send(app, path, sent, promised),
  };
}

async function send(
  app: App,
  path: string,
  sent: Sent,
  promised: Documented | null,
): Promise<Answered> {
  const { method = sent.body === undefined ? "GET" : "POST", as = null, body, ip } = sent;
  const headers = new Headers(sent.headers);
  if (as !== null) headers.set("authorization", `Bearer ${TOKENS[as]}`);
  const isObject = typeof body === "object";
  if (isObject && !headers.has("content-type")) headers.set("content-type", "application/json");
  const text = isObject ? JSON.stringify(body) : body;
  const init = { method, headers, ...(text === undefined ? {} : { body: text }) };
  const request = new Request(`http://localhost${path}`, init);
  const response = await app.fetch(request, { peer: () => ip });
  const answer = await response.text();
  const { status } = response;
  const answered = { method, path, status, headers: response.headers, text: answer };
  expectPromised(answered, promised);
  const isJson = /[/+]json/.test(response.headers.get("content-type") ?? "") && answer !== "";
  return {
    status,
    headers: response.headers,
    text: answer,
    body: isJson ? JSON.parse(answer) : {},
  };
}

/** What routes are made from, for a look at the routes themselves. */
export const edgeWith = (takesAnonymous: boolean): Edge => ({
  deps: depsOf({}),
  metrics: createMetrics(),
  metricsToken: null,
  takesAnonymous,
  surroundings,
  docsPublic: true,
  document: () => "{}",
  health: { readiness: () => ({ status: "healthy", reasons: [] }), stopping: () => false },
  worded: () => ({ status: 500, body: {} }),
  eventStreams: noStreams(),
  holdsFor: async () => 0,
});

export const EDGE = edgeWith(true);

/** The registry, as the app has it. */
export const ROUTES = createRoutes(EDGE);

/** Every contract there is. */
export const CONTRACTS: readonly Contract[] = [inventory, ...compat];

/** Every answer that a test hears is one of those that the document promises. */
function expectPromised(answer: SomeAnswer, promised: Documented | null): void {
  // A mistake of ours is promised nowhere; tests of mistakes make some. 405 is of no operation.
  if (answer.status === 500 || answer.status === 405) return;
  const problem = promised?.(answer) ?? null;
  if (problem !== null) throw new Error(`${answer.method} ${answer.path}: ${problem}`);
}

/** Documents that were read before, by what they are of. */
const documents = new Map<string, Documented>();

function promisedBy(contracts: readonly Contract[], config: AppDoubles["config"]): Documented {
  const { docsPublic = true, takesAnonymous = true } = config ?? {};
  const name = [...contracts.map((contract) => contract.name), docsPublic, takesAnonymous].join();
  const known = documents.get(name);
  if (known) return known;
  const edge = { ...edgeWith(takesAnonymous), docsPublic };
  const all = contracts.includes(inventory) ? contracts : [site, ...contracts];
  const mounted = all.map((contract) => ({ contract, routes: contract.routes(edge) }));
  const promised = documentedBy(ApiDocument.parse(documentOf(mounted, "test")));
  documents.set(name, promised);
  return promised;
}

const CAMPAIGN = {
  name: "Friday",
  location: "Warehouse A",
  startsAt: "2035-01-01T00:00:00Z",
  endsAt: "2035-01-01T01:00:00Z",
  products: [{ productId: "p1", quantity: 5 }],
};

/** A body that each route with a required one accepts. */
const BODIES: Readonly<Record<string, object>> = {
  "POST /api/inventory/initialize": { productId: "p2", sku: "SKU-2", initialStock: 5 },
  "PATCH /api/inventory/product/:productId": { name: "Lamp" },
  "POST /api/inventory/check-availability": { items: [{ productId: "p1", quantity: 1 }] },
  "PATCH /api/inventory/product/:productId/stock": { quantity: 5, type: "RETURN" },
  "POST /api/inventory/product/:productId/transfer": { from: "A", to: "B", quantity: 1 },
  "POST /api/inventory/locations": { location: "Dock" },
  "PATCH /api/inventory/locations/:location": { active: false },
  "PUT /api/inventory/limits/:limitId": { products: ["p1"], maxUnits: 5 },
  "POST /api/inventory/campaigns": CAMPAIGN,
  "PUT /api/inventory/campaigns/:campaignId": CAMPAIGN,
  "POST /api/inventory/product/:productId/reserve": { quantity: 1, orderId: "order-1" },
  "POST /api/inventory/product/:productId/sell": { quantity: 1 },
  "POST /api/inventory/product/:productId/return": { quantity: 1, orderId: "order-1" },
  "POST /api/inventory/product/:productId/waitlist": { quantity: 1, orderId: "order-1" },
  "POST /api/inventory/product/:productId/waitlist/leave": { orderId: "order-1" },
  "POST /api/inventory/reservations": {
    orderId: "order-1",
    items: [{ productId: "p1", quantity: 1 }],
  },
  "POST /api/inventory/counts": {
    counts: [{ productId: "p1", quantity: 50, countedAt: "2025-01-01T00:00:00Z" }],
  },
  "POST /api/inventory/counts/runs": {
    counts: [{ productId: "p1", quantity: 50, countedAt: "2025-01-01T00:00:00Z" }],
  },
  "POST /api/inventory/incoming": {
    productId: "p1",
    quantity: 30,
    expectedAt: "2025-01-02T00:00:00Z",
  },
  "PATCH /api/inventory/incoming/:incomingId": { quantity: 20 },
  "POST /api/inventory/reservation/:reservationId/extend": { minutes: 10 },
  "POST /api/inventory/reservation/:reservationId/owner": { customerId: "dave" },
  "POST /api/inventory/bulk/initialize": {
    items: [{ productId: "p2", sku: "SKU-2", initialStock: 5 }],
  },
  "POST /api/inventory/bulk/adjust": { items: [{ productId: "p1", quantity: 5, type: "RETURN" }] },
  "POST /api/inventory/bulk/confirm": { items: [{ reservationId: RESERVATION_ID }] },
  "POST /api/inventory/reconcile": { mode: "report" },
  "POST /api/inventory/bulk/cancel": { items: [{ reservationId: RESERVATION_ID }] },
};

export interface Example {
  readonly name: string;
  /** With its query. */
  readonly path: string;
  readonly method: string;
  /** Absent where the route needs none. */
  readonly body?: object;
}

/** A request to that route which a caller with the right role gets a 2xx for. */
export function exampleOf(route: { readonly method: string; readonly path: string }): Example {
  const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => PARAMS[name] ?? name);
  const name = `${route.method} ${route.path}`;
  const { query = "", body = BODIES[name] } = NEEDS[name] ?? {};
  return {
    name,
    path: `${path}${query}`,
    method: route.method,
    ...(body === undefined ? {} : { body }),
  };
}

/** What stands in paths. */
const PARAMS: Readonly<Record<string, string>> = {
  productId: "p1",
  product_id: "p1",
  sku: "SKU-1",
  location: "Dock",
  limitId: "drop",
  reservationId: RESERVATION_ID,
  customerId: CAROL,
  pseudonymizationId: PSEUDONYMIZATION.id,
  incomingId: INCOMING_ID,
  campaignId: CAMPAIGN_ID,
  runId: RUN_ID,
};
